//! Page views of web sites, a table of 100 columns.

use super::support::{Random, write};
use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int16Array, Int32Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use std::path::Path;
use std::sync::Arc;

/// July 1, 2026, in days since 1970.
const FIRST_DAY: i64 = 20_635;
const DAYS: u64 = 28;
const DAY: i64 = 86_400_000_000;

/// Country, language, currency, minutes east of Greenwich.
const COUNTRIES: [(&str, &str, &str, i16); 12] = [
    ("us", "en", "USD", -300),
    ("de", "de", "EUR", 120),
    ("br", "pt", "BRL", -180),
    ("in", "en", "INR", 330),
    ("fr", "fr", "EUR", 120),
    ("jp", "ja", "JPY", 540),
    ("pl", "pl", "PLN", 120),
    ("gb", "en", "GBP", 60),
    ("mx", "es", "MXN", -360),
    ("ng", "en", "NGN", 60),
    ("at", "de", "EUR", 120),
    ("is", "is", "ISK", 0),
];
const SECTIONS: [&str; 6] = ["catalog/shoes", "catalog/lamps", "news", "help", "checkout/cart", "blog"];
const NOUNS: [&str; 6] = ["Running shoes", "Desk lamps", "Daily news", "Help", "Your cart", "Notes from the shop"];
const WORDS: [&str; 16] = [
    "red",
    "cheap",
    "garden",
    "lamp",
    "shoes",
    "weather",
    "train",
    "recipe",
    "second hand",
    "hotel",
    "map",
    "gift",
    "winter",
    "phone",
    "used",
    "café",
];
const SYSTEMS: [&str; 6] =
    ["Linux; Android 16", "iPhone; iOS 19", "Windows NT 10.0", "Macintosh", "X11; Linux", "CrOS"];
const BROWSERS: [&str; 8] = ["Chrome", "Safari", "Firefox", "Edge", "Opera", "Vivaldi", "Brave", "Curl"];
const CAMPAIGNS: [&str; 5] = ["summer", "newsletter", "students", "app_launch", "outlet"];
const MODELS: [&str; 7] = ["Pocket 4", "Pocket 4 Pro", "Slate X", "Nova 12", "Nova 12 Lite", "Robin", "Fold 2"];
const HANDHELDS: [(i16, i16); 5] = [(390, 844), (360, 800), (412, 915), (430, 932), (768, 1024)];
const DESKTOPS: [(i16, i16); 5] = [(1920, 1080), (1366, 768), (1536, 864), (2560, 1440), (1280, 720)];

const DIRECT: i16 = 0;
const INTERNAL: i16 = 1;
const SEARCH: i16 = 2;
const LINK: i16 = 3;
const AD: i16 = 4;
const SOCIAL: i16 = 5;

/// A page view, as far as its columns hang together.
struct View {
    visitor: u64,
    site: usize,
    page: usize,
    /// Microseconds since 1970.
    time: i64,
    source: i16,
    load: f64,
    is_robot: bool,
    is_mobile: bool,
    is_bounce: bool,
    /// The price paid; 0 where nothing was bought.
    cents: i128,
}

impl View {
    fn draw(random: &mut Random, visitors: f64) -> Self {
        // A few visitors come again and again, on up to twelve days.
        let visitor = (visitors * random.unit().powf(1.5)) as u64;
        let day = FIRST_DAY + own(visitor, 20 + skewed(random, 12) as u64).below(DAYS) as i64;
        let time = day * DAY + ((random.unit() + random.unit()) / 2.0 * DAY as f64) as i64;
        let source = match random.below(100) {
            0..=44 => DIRECT,
            45..=69 => INTERNAL,
            70..=81 => SEARCH,
            82..=89 => LINK,
            90..=95 => AD,
            _ => SOCIAL,
        };
        let is_robot = own(visitor, 0).below(100) < 4;
        let buyers = if source == AD { 6 } else { 3 };
        let is_order = !is_robot && random.below(100) < buyers;
        Self {
            visitor,
            site: skewed(random, 200),
            page: skewed(random, 600),
            time,
            source,
            load: heavy(random, 900.0),
            is_robot,
            is_mobile: own(visitor, 1).below(100) < 45,
            is_bounce: random.below(100) < 40,
            cents: if is_order { 300 + heavy(random, 4_000.0) as i128 } else { 0 },
        }
    }

    /// A choice among `n` that depends on nothing but the visitor, the first ones being the likeliest.
    fn trait_of(&self, which: u64, n: usize) -> usize {
        skewed(&mut own(self.visitor, which), n)
    }

    fn country(&self) -> (&'static str, &'static str, &'static str, i16) {
        COUNTRIES[self.trait_of(2, COUNTRIES.len())]
    }

    fn system(&self) -> usize {
        if self.is_mobile { self.trait_of(3, 2) } else { 2 + self.trait_of(3, 4) }
    }

    fn browser(&self) -> usize {
        self.trait_of(4, BROWSERS.len())
    }

    fn screen(&self) -> (i16, i16) {
        if self.is_mobile { HANDHELDS[self.trait_of(5, 5)] } else { DESKTOPS[self.trait_of(5, 5)] }
    }

    fn day(&self) -> i64 {
        self.time / DAY
    }

    fn host(&self) -> String {
        format!("www.{}{}.example", ["shop", "news", "forum"][self.site % 3], self.site + 1)
    }
}

/// A generator for one trait of one visitor.
fn own(visitor: u64, which: u64) -> Random {
    Random(visitor * 64 + which)
}

/// A number below `n`; the k-th comes with a probability near 1/(k ln n).
fn skewed(random: &mut Random, n: usize) -> usize {
    ((n as f64 + 1.0).powf(random.unit()) as usize).clamp(1, n) - 1
}

/// A positive number around `middle` with a heavy tail.
fn heavy(random: &mut Random, middle: f64) -> f64 {
    let share = random.unit();
    middle * (share / (1.0 - share)).powf(0.4)
}

/// Views in the order of time, most of them around noon.
fn draw_views(rows: usize, random: &mut Random) -> Vec<View> {
    let visitors = (rows / 5 + 1) as f64;
    let mut views: Vec<View> = (0..rows).map(|_| View::draw(random, visitors)).collect();
    views.sort_by_key(|view| view.time);
    views
}

fn shorts(views: &[View], of: impl FnMut(&View) -> i16) -> ArrayRef {
    Arc::new(Int16Array::from_iter_values(views.iter().map(of)))
}

fn numbers(views: &[View], of: impl FnMut(&View) -> i32) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(views.iter().map(of)))
}

fn longs(views: &[View], of: impl FnMut(&View) -> i64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(views.iter().map(of)))
}

fn texts<T: AsRef<str>>(views: &[View], of: impl FnMut(&View) -> T) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(views.iter().map(of)))
}

fn moments(views: &[View], of: impl FnMut(&View) -> i64) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(views.iter().map(of)))
}

fn flags(views: &[View], random: &mut Random, percent: u64) -> ArrayRef {
    shorts(views, |_| i16::from(random.below(100) < percent))
}

fn money(views: &[View], of: impl FnMut(&View) -> Option<i128>) -> ArrayRef {
    let cents = views.iter().map(of).collect::<Decimal128Array>();
    Arc::new(cents.with_precision_and_scale(12, 2).unwrap())
}

/// Milliseconds, a share of them unknown.
fn timings(views: &[View], random: &mut Random, missing: u64, middle: impl Fn(&View) -> f64) -> ArrayRef {
    let known = views.iter().map(|v| (random.below(100) >= missing).then(|| heavy(random, middle(v))));
    Arc::new(known.collect::<Float64Array>())
}

type Columns = Vec<(String, ArrayRef)>;

fn named<const N: usize>(columns: [(&str, ArrayRef); N]) -> Columns {
    columns.into_iter().map(|(name, values)| (name.to_owned(), values)).collect()
}

/// Visitors and sites, times and places.
fn identities(views: &[View], random: &mut Random) -> Columns {
    let id = |seed: u64| (Random(seed).next() >> 2) as i64;
    named([
        ("watch_id", longs(views, |_| (random.next() >> 2) as i64)),
        ("user_id", longs(views, |v| id(v.visitor + 1_000_000_007))),
        ("session_id", longs(views, |v| id(v.visitor * 100_000 + v.day() as u64))),
        ("client_ip", longs(views, |v| id(v.visitor * 3 + 1) & 0xffff_ffff)),
        ("event_time", moments(views, |v| v.time)),
        (
            "client_time",
            moments(views, |v| v.time + i64::from(v.country().3) * 60_000_000 + random.below(5_000_000) as i64),
        ),
        ("event_date", Arc::new(Date32Array::from_iter_values(views.iter().map(|v| v.day() as i32)))),
        ("counter_id", numbers(views, |v| v.site as i32 + 1)),
        ("region_id", numbers(views, |v| (100 * (v.trait_of(2, COUNTRIES.len()) + 1) + v.trait_of(6, 40)) as i32)),
        ("country", texts(views, |v| v.country().0)),
        ("language", texts(views, |v| v.country().1)),
        ("timezone_offset", shorts(views, |v| v.country().3)),
    ])
}

fn url(view: &View, random: &mut Random) -> String {
    let page = format!("https://{}/{}/item-{}", view.host(), SECTIONS[view.page % 6], view.page);
    match (view.source, random.below(100)) {
        (AD | LINK | SOCIAL, 0..=79) => {
            let source = ["mailing", "findit", "chirper", "partner"][skewed(random, 4)];
            format!("{page}?utm_source={source}&utm_medium=web{}", random.below(3))
        }
        (_, 0..=19) => format!("{page}?page={}&sort=price", 1 + skewed(random, 9)),
        _ => page,
    }
}

fn title(view: &View) -> String {
    let kind = if view.page % 7 == 3 { "Summer Sale: " } else { "" };
    format!("{kind}{} {} - {}", NOUNS[view.page % 6], view.page, view.host())
}

fn referrer(view: &View, random: &mut Random) -> String {
    match view.source {
        INTERNAL => format!("https://{}/{}/", view.host(), SECTIONS[skewed(random, 6)]),
        SEARCH => format!("https://www.findit.example/search?q={}", random.below(100_000)),
        LINK => format!("http://blog{}.example/post/{}", skewed(random, 300), random.below(1000)),
        AD => format!("https://ads{}.example/click?id={}", skewed(random, 5), random.below(1_000_000)),
        SOCIAL => format!("https://chirper.example/u/{}", skewed(random, 5_000)),
        _ => String::new(),
    }
}

fn phrase(view: &View, random: &mut Random) -> String {
    match view.source {
        SEARCH => format!("{} {}", WORDS[skewed(random, 16)], WORDS[skewed(random, 16)]),
        _ => String::new(),
    }
}

/// Texts of the page and of the way to it.
fn pages(views: &[View], random: &mut Random) -> Columns {
    let campaigns: StringArray = views
        .iter()
        .map(|v| (v.source == AD || random.below(100) < 5).then(|| CAMPAIGNS[skewed(random, CAMPAIGNS.len())]))
        .collect();
    named([
        ("url", texts(views, |v| url(v, random))),
        ("title", texts(views, title)),
        ("referrer", texts(views, |v| referrer(v, random))),
        ("search_phrase", texts(views, |v| phrase(v, random))),
        ("campaign", Arc::new(campaigns)),
        ("traffic_source", shorts(views, |v| v.source)),
        ("search_engine_id", shorts(views, |v| if v.source == SEARCH { 1 + skewed(random, 12) as i16 } else { 0 })),
        ("adv_engine_id", shorts(views, |v| if v.source == AD { 1 + skewed(random, 5) as i16 } else { 0 })),
        ("social_network_id", shorts(views, |v| if v.source == SOCIAL { 1 + skewed(random, 6) as i16 } else { 0 })),
    ])
}

/// The visitor's machine and person.
fn devices(views: &[View], random: &mut Random) -> Columns {
    let version = |v: &View| 120 - v.trait_of(7, 40) as i16;
    let agent = |v: &View| format!("Mozilla/5.0 ({}) {}/{}.0", SYSTEMS[v.system()], BROWSERS[v.browser()], version(v));
    let model = |v: &View| {
        let is_model_known = v.is_mobile && own(v.visitor, 8).below(10) < 7;
        if is_model_known { MODELS[v.trait_of(9, MODELS.len())] } else { "" }
    };
    let versions: Int16Array = views.iter().map(|v| (!v.is_robot).then(|| version(v))).collect();
    named([
        ("user_agent", texts(views, agent)),
        ("phone_model", texts(views, model)),
        ("os_id", shorts(views, |v| v.system() as i16 + 1)),
        ("browser_id", shorts(views, |v| v.browser() as i16 + 1)),
        ("browser_version", Arc::new(versions)),
        ("screen_width", shorts(views, |v| v.screen().0)),
        ("screen_height", shorts(views, |v| v.screen().1)),
        ("window_width", shorts(views, |v| v.screen().0 - 8 * random.below(12) as i16)),
        ("window_height", shorts(views, |v| v.screen().1 - 64 - random.below(80) as i16)),
        ("color_depth", shorts(views, |v| if own(v.visitor, 10).below(10) == 0 { 32 } else { 24 })),
        (
            "age",
            shorts(views, |v| {
                let mut random = own(v.visitor, 11);
                if random.below(100) < 35 { 0 } else { 14 + random.below(60) as i16 }
            }),
        ),
        (
            "interests",
            numbers(views, |v| {
                let mut random = own(v.visitor, 12);
                (random.next() & random.next() & 0xffff) as i32
            }),
        ),
        ("is_mobile", shorts(views, |v| i16::from(v.is_mobile))),
        ("is_robot", shorts(views, |v| i16::from(v.is_robot))),
    ])
}

/// How the visit went.
fn behaviour(views: &[View], random: &mut Random) -> Columns {
    named([
        ("visit_number", numbers(views, |_| 1 + skewed(random, 200) as i32)),
        (
            "seconds_on_page",
            numbers(views, |v| heavy(random, if v.is_bounce { 6.0 } else { 45.0 }).min(3_600.0) as i32),
        ),
        ("scroll_percent", shorts(views, |v| if v.is_bounce { 0 } else { random.below(101) as i16 })),
        (
            "http_status",
            shorts(views, |_| match random.below(100) {
                0..=91 => 200,
                92..=94 => 301,
                95..=98 => 404,
                _ => 500,
            }),
        ),
        ("redirects", shorts(views, |_| if random.below(20) == 0 { 1 + random.below(3) as i16 } else { 0 })),
        ("page_bytes", longs(views, |_| 500 + heavy(random, 180_000.0) as i64)),
        ("is_bounce", shorts(views, |v| i16::from(v.is_bounce))),
        ("is_refresh", flags(views, random, 8)),
        ("is_new_visitor", flags(views, random, 30)),
        ("is_download", flags(views, random, 2)),
        ("is_link_click", flags(views, random, 11)),
        ("has_javascript", flags(views, random, 97)),
        ("has_cookies", flags(views, random, 90)),
    ])
}

/// Orders, and how long the machines took.
fn orders_and_timings(views: &[View], random: &mut Random) -> Columns {
    named([
        ("is_converted", shorts(views, |v| i16::from(v.cents > 0))),
        ("price", money(views, |v| Some(v.cents))),
        ("discount", money(views, |v| (v.cents > 0 && random.below(4) == 0).then_some(v.cents * 15 / 100))),
        ("currency", texts(views, |v| v.country().2)),
        ("order_items", numbers(views, |v| if v.cents > 0 { 1 + skewed(random, 9) as i32 } else { 0 })),
        ("dns_ms", timings(views, random, 30, |_| 12.0)),
        ("connect_ms", timings(views, random, 30, |_| 35.0)),
        ("response_ms", timings(views, random, 5, |v| 0.2 * v.load)),
        ("load_ms", Arc::new(views.iter().map(|v| (!v.is_robot).then_some(v.load)).collect::<Float64Array>())),
        ("first_paint_ms", timings(views, random, 15, |v| 0.6 * v.load)),
    ])
}

/// Columns that wide tables have and few people ask for.
fn fillers(views: &[View], random: &mut Random) -> Columns {
    let mut columns = Columns::new();
    for k in 1..=20_u64 {
        let middle = 20.0 * k as f64;
        columns.push((format!("timing_{k:02}"), numbers(views, |_| heavy(random, middle) as i32)));
        columns.push((format!("flag_{k:02}"), flags(views, random, 2 * k)));
    }
    for k in 1..=2 {
        let values = views.iter().map(|_| (random.below(10) > 2).then(|| skewed(random, 1_000) as i64));
        columns.push((format!("param_{k:02}"), Arc::new(values.collect::<Int64Array>())));
    }
    columns
}

/// Writes `rows` page views of 28 days as a table of 100 columns.
///
/// A few sites, pages and visitors have most of the views. Texts are often empty. Timings and prices have heavy tails.
/// Ids are like hashes. Columns `timing_…`, `flag_…` and `param_…` fill the table up.
pub(crate) fn write_hits(file: &Path, rows: usize, seed: u64) {
    let mut random = Random(seed);
    let views = draw_views(rows, &mut random);
    let mut columns = Columns::new();
    for part in [identities, pages, devices, behaviour, orders_and_timings, fillers] {
        columns.extend(part(&views, &mut random));
    }
    assert_eq!(columns.len(), 100);
    write(file, columns.iter().map(|(name, values)| (name.as_str(), Arc::clone(values))).collect(), rows / 3 + 1);
}
