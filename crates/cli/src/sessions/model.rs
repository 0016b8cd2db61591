//! Every distribution of the table, prepared once and shared by all threads.

use super::alias::{Alias, zipf};
use super::draw::scramble;
use super::labels::{DEVICES, Device, GENRES, Os, SITE_FIRST, SITE_SECOND, SPECIALITIES, SYSTEMS};
use super::places;

/// Services in the table.
const SITES: usize = 64;

/// The distributions that rows are drawn from.
pub(super) struct Model {
    /// People who watch; grows with the table so that each has ten sessions on average.
    pub(super) users: u64,
    /// Makes a person's home depend on the seed.
    pub(super) salt: u64,
    pub(super) cities: Alias,
    /// The country of each city.
    pub(super) city_country: Vec<u16>,
    pub(super) countries: Vec<CountryModel>,
    pub(super) providers: Vec<Provider>,
    pub(super) sites: Alias,
    /// The speciality of each service.
    pub(super) specialities: Vec<u16>,
    /// Systems where computers came first, and where phones did.
    pub(super) systems: [Alias; 2],
    /// Browsers by system.
    pub(super) browsers: Vec<Alias>,
    /// Genres by device.
    pub(super) genres: [Alias; 3],
    /// Mean of the logarithm of the session time, by device and genre; the last genre is the unknown one.
    pub(super) log_seconds: Vec<Vec<f64>>,
}

/// The properties of a country.
pub(super) struct CountryModel {
    pub(super) phones_first: bool,
    pub(super) first_provider: u16,
    pub(super) providers: Alias,
}

/// The properties of an internet provider.
pub(super) struct Provider {
    /// 1 is usual, more is worse.
    pub(super) congestion: f64,
    /// Factor on the bitrate.
    pub(super) speed: f64,
    /// Probability that a session never buffers.
    pub(super) smooth: f64,
    /// Probability that a video does not start.
    pub(super) failure: f64,
}

impl Model {
    /// The distributions for a table of `rows` rows under `seed`.
    pub(super) fn new(rows: u64, seed: u64) -> Self {
        let (cities, city_country) = cities();
        let (countries, providers) = countries();
        let site_weights: Vec<f64> = zipf(SITES, 1.1).collect();
        let specialities = SPECIALITIES.iter().cycle().take(SITES);
        Self {
            users: (rows / 10).max(100),
            salt: scramble(seed),
            cities,
            city_country,
            countries,
            providers,
            sites: Alias::new(&site_weights),
            specialities: specialities.copied().collect(),
            systems: [0, 1].map(|kind| Alias::new(&SYSTEMS.each_ref().map(|os| os.shares[kind]))),
            browsers: SYSTEMS.iter().map(|os| Alias::new(&os.browsers)).collect(),
            genres: DEVICES.map(|device| Alias::new(&GENRES.each_ref().map(|genre| genre.weights[device as usize]))),
            log_seconds: DEVICES.iter().map(log_seconds).collect(),
        }
    }

    /// The system behind its key.
    pub(super) fn system(&self, key: u16) -> &'static Os {
        &SYSTEMS[usize::from(key)]
    }
}

/// Names of all services.
pub(super) fn site_names() -> Vec<String> {
    (0..SITES)
        .map(|site| {
            let first = SITE_FIRST[site % SITE_FIRST.len()];
            let second = SITE_SECOND[(site + site / SITE_FIRST.len()) % SITE_SECOND.len()];
            format!("{first} {second}")
        })
        .collect()
}

/// Whether a service shows advertisements; the others live from subscriptions.
pub(super) fn shows_ads(site: u16) -> bool {
    site % 3 != 1
}

/// The typical session of a device for every genre and for an unknown one.
fn log_seconds(device: &Device) -> Vec<f64> {
    let median: f64 = match device {
        Device::Computer => 540.0,
        Device::Phone => 300.0,
        Device::Television => 1_500.0,
    };
    GENRES.iter().map(|genre| genre.length).chain([1.0]).map(|length| (median * length).ln()).collect()
}

/// All cities, and the country of each.
fn cities() -> (Alias, Vec<u16>) {
    let country_weights = zipf(places::countries().len(), 1.0);
    let (mut weights, mut owners) = (Vec::new(), Vec::new());
    for ((rank, country_weight), owner) in country_weights.enumerate().zip(0..) {
        let inside: Vec<f64> = zipf(places::cities(rank).len(), 1.0).collect();
        let total: f64 = inside.iter().sum();
        weights.extend(inside.iter().map(|weight| country_weight * weight / total));
        owners.resize(weights.len(), owner);
    }
    (Alias::new(&weights), owners)
}

/// All countries, and their providers one country after the other.
fn countries() -> (Vec<CountryModel>, Vec<Provider>) {
    let mut providers = Vec::new();
    let mut countries = Vec::new();
    // A provider's key is its place in the list.
    let mut keys = 0..u16::MAX;
    for (rank, name) in places::countries().into_iter().enumerate() {
        let phones_first = places::phones_first(name);
        let weights: Vec<f64> = zipf(places::providers(rank).len(), 1.2).collect();
        let first_provider = keys.start;
        keys.by_ref().take(weights.len()).for_each(drop);
        // Spreads the countries evenly between good and bad networks, whatever their rank.
        let spread = 0.7 + 0.9 * (0.618_034 * rank as f64).fract();
        let country = if phones_first { 1.3 * spread } else { spread };
        let congestions = places::PROVIDER_CONGESTION.iter().take(weights.len());
        providers.extend(congestions.map(|own| provider(own * country)));
        countries.push(CountryModel { phones_first, first_provider, providers: Alias::new(&weights) });
    }
    (countries, providers)
}

fn provider(congestion: f64) -> Provider {
    Provider {
        congestion,
        speed: congestion.powf(-0.4),
        smooth: (-0.6 * congestion).exp(),
        failure: (0.012 * congestion).min(0.25),
    }
}
