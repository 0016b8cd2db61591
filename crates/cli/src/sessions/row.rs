//! Draws one session.

use super::draw::{Draw, scramble, whole};
use super::labels::{BROWSERS, Device, GENRES};
use super::model::{Model, Provider, shows_ads};

/// One session; small keys stand for names.
pub(super) struct Row {
    pub(super) user: Option<i64>,
    pub(super) site: u16,
    pub(super) genre: Option<u16>,
    pub(super) os: u16,
    pub(super) browser: Option<u16>,
    pub(super) country: u16,
    pub(super) city: Option<u16>,
    pub(super) isp: Option<u16>,
    /// None when the video did not start.
    pub(super) view: Option<View>,
    /// None where there are no advertisements.
    pub(super) revenue_cents: Option<i64>,
}

/// Measurements while a video played.
pub(super) struct View {
    pub(super) seconds: f64,
    pub(super) bitrate_kbit: i64,
    pub(super) bytes: i64,
    pub(super) buffering: f64,
    pub(super) join_ms: i64,
}

/// The place from which a person watches: keys of city, country and provider.
struct Home {
    city: u16,
    country: u16,
    provider: u16,
}

const SIGNED_OUT: f64 = 0.06;
const CITY_UNKNOWN: f64 = 0.015;
const PROVIDER_UNKNOWN: f64 = 0.008;
const GENRE_UNKNOWN: f64 = 0.005;
/// How often a service shows what it specialises in.
const SPECIALITY: f64 = 0.25;
/// A player gives up after this time.
const JOIN_MS_MAX: f64 = 120_000.0;
const SECONDS_MAX: f64 = 86_400.0;

impl Model {
    /// The next session of a block.
    pub(super) fn row(&self, draw: &mut Draw) -> Row {
        let user = (!draw.chance(SIGNED_OUT)).then(|| self.user(draw));
        let home = self.home(user, draw);
        let country = &self.countries[usize::from(home.country)];
        let provider = &self.providers[usize::from(home.provider)];
        let site = self.sites.pick(draw.bits());
        let os = self.systems[usize::from(country.phones_first)].pick(draw.bits());
        let browser = self.browsers[usize::from(os)].pick(draw.bits());
        let device = self.system(os).device;
        let genre = self.genre(site, device, draw);
        let view = (!draw.chance(provider.failure)).then(|| self.view(device, genre, provider, draw));
        Row {
            user,
            site,
            genre,
            os,
            browser: (usize::from(browser) < BROWSERS.len()).then_some(browser),
            country: home.country,
            city: (!draw.chance(CITY_UNKNOWN)).then_some(home.city),
            isp: (!draw.chance(PROVIDER_UNKNOWN)).then_some(home.provider),
            revenue_cents: shows_ads(site).then(|| revenue_cents(view.as_ref(), draw)),
            view,
        }
    }

    /// A power law: the first k of n people have (k/n)^(2/3) of the sessions.
    fn user(&self, draw: &mut Draw) -> i64 {
        let unit = draw.unit();
        let users = self.users as f64;
        1 + whole((users * unit * unit.sqrt() - 0.5).clamp(0.0, users - 1.0))
    }

    /// A person always watches from the same place.
    fn home(&self, user: Option<i64>, draw: &mut Draw) -> Home {
        let bits = match user {
            Some(user) => scramble(user.cast_unsigned() ^ self.salt),
            None => draw.bits(),
        };
        let city = self.cities.pick(bits);
        let country = self.city_country[usize::from(city)];
        let model = &self.countries[usize::from(country)];
        let provider = model.first_provider + model.providers.pick(scramble(!bits));
        Home { city, country, provider }
    }

    fn genre(&self, site: u16, device: Device, draw: &mut Draw) -> Option<u16> {
        if draw.chance(GENRE_UNKNOWN) {
            None
        } else if draw.chance(SPECIALITY) {
            Some(self.specialities[usize::from(site)])
        } else {
            Some(self.genres[device as usize].pick(draw.bits()))
        }
    }

    fn view(&self, device: Device, genre: Option<u16>, provider: &Provider, draw: &mut Draw) -> View {
        let (length, quality) = draw.normals();
        let buffering = buffering(provider, draw);
        let genre = genre.map_or(GENRES.len(), usize::from);
        let typical = self.log_seconds[device as usize][genre];
        // People leave early when the picture keeps stopping.
        let seconds = (typical + 1.1 * length).exp() * (1.0 - 0.6 * buffering);
        let seconds = whole(seconds.min(SECONDS_MAX) * 1_000.0) as f64 / 1_000.0;
        let bitrate_kbit = whole(bitrate(device) * provider.speed * (0.4 * quality).exp());
        let overhead = 1.02 + 0.04 * draw.unit();
        let join_ms = 250.0 + 400.0 * provider.congestion * draw.pareto(2.4);
        View {
            seconds,
            bitrate_kbit,
            bytes: whole(bitrate_kbit as f64 * 125.0 * seconds * overhead),
            buffering,
            join_ms: whole(join_ms.min(JOIN_MS_MAX)),
        }
    }
}

/// Typical bitrate in kbit/s.
fn bitrate(device: Device) -> f64 {
    match device {
        Device::Computer => 3_200.0,
        Device::Phone => 1_700.0,
        Device::Television => 7_500.0,
    }
}

/// The share of a session spent waiting, to four places.
fn buffering(provider: &Provider, draw: &mut Draw) -> f64 {
    if draw.chance(provider.smooth) {
        return 0.0;
    }
    let share = 0.004 * provider.congestion * draw.pareto(1.6);
    whole(share.min(0.95) * 10_000.0) as f64 / 10_000.0
}

/// One advertisement at the start and one every eight minutes, sold at very uneven prices.
fn revenue_cents(view: Option<&View>, draw: &mut Draw) -> i64 {
    view.map_or(0, |view| whole(2.4 * (1.0 + view.seconds / 480.0) * draw.pareto(1.7)))
}
