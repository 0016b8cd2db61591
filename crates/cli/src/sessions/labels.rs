//! Names and weights of the small keys: systems, browsers, genres and services.

/// The device on which a session was watched; it decides how long and how well people watch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Device {
    Computer,
    Phone,
    Television,
}

/// One of each device, in the order of their numbers.
pub(super) const DEVICES: [Device; 3] = [Device::Computer, Device::Phone, Device::Television];

/// An operating system.
pub(super) struct Os {
    pub(super) name: &'static str,
    pub(super) device: Device,
    /// Share in per cent where computers came first, and where phones did; rare systems are as rare in both.
    pub(super) shares: [f64; 2],
    /// Weights of the browsers, the last one being an app without a browser.
    pub(super) browsers: [f64; 7],
}

const fn os(name: &'static str, device: Device, shares: [f64; 2], browsers: [f64; 7]) -> Os {
    Os { name, device, shares, browsers }
}

/// Browsers, in the order of the weights in [`Os`].
pub(super) const BROWSERS: [&str; 6] = ["Chrome", "Safari", "Firefox", "Edge", "Samsung Internet", "Opera"];

/// All systems, in the order of their keys.
#[rustfmt::skip]
pub(super) static SYSTEMS: [Os; 8] = [
    os("Windows",  Device::Computer,   [43.0, 27.0],  [58.0, 0.0, 11.0, 24.0, 0.0, 5.0, 2.0]),
    os("Android",  Device::Phone,      [16.4, 49.0],  [52.0, 0.0, 3.0, 1.0, 12.0, 4.0, 28.0]),
    os("iOS",      Device::Phone,      [20.0, 10.0],  [12.0, 55.0, 1.0, 1.0, 0.0, 1.0, 30.0]),
    os("macOS",    Device::Computer,   [13.0, 5.0],   [38.0, 50.0, 7.0, 2.0, 0.0, 1.0, 2.0]),
    os("Tizen",    Device::Television, [5.5, 6.0],    [0.0, 0.0, 0.0, 0.0, 10.0, 0.0, 90.0]),
    os("Linux",    Device::Computer,   [2.0, 2.9],    [52.0, 0.0, 42.0, 0.0, 0.0, 6.0, 0.0]),
    os("ChromeOS", Device::Computer,   [0.09, 0.09],  [98.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]),
    os("KaiOS",    Device::Phone,      [0.01, 0.01],  [0.0, 0.0, 100.0, 0.0, 0.0, 0.0, 0.0]),
];

/// A genre.
pub(super) struct Genre {
    pub(super) name: &'static str,
    /// Weight on each device.
    pub(super) weights: [f64; 3],
    /// Factor on the typical session time.
    pub(super) length: f64,
}

const fn genre(name: &'static str, weights: [f64; 3], length: f64) -> Genre {
    Genre { name, weights, length }
}

/// All genres, in the order of their keys.
#[rustfmt::skip]
pub(super) static GENRES: [Genre; 20] = [
    genre("drama",           [17.0, 13.0, 20.0], 1.3),
    genre("comedy",          [13.0, 17.0, 12.0], 0.8),
    genre("news",            [12.0, 14.0, 6.0],  0.4),
    genre("sports",          [10.0, 9.0, 14.0],  2.2),
    genre("action",          [8.0, 7.0, 9.0],    1.4),
    genre("kids",            [4.0, 8.0, 9.0],    0.9),
    genre("reality",         [6.0, 7.0, 6.0],    0.9),
    genre("documentary",     [6.0, 3.0, 5.0],    1.1),
    genre("music",           [4.0, 8.0, 2.0],    0.3),
    genre("thriller",        [4.0, 3.0, 4.0],    1.4),
    genre("romance",         [3.0, 3.0, 3.0],    1.2),
    genre("crime",           [3.0, 2.0, 3.0],    1.3),
    genre("science fiction", [3.0, 1.5, 2.5],    1.5),
    genre("anime",           [2.5, 2.5, 1.0],    0.8),
    genre("western",         [1.6, 1.0, 2.6],    1.5),
    genre("fantasy",         [1.5, 1.0, 1.5],    1.5),
    genre("horror",          [1.0, 0.8, 0.8],    1.3),
    genre("history",         [0.8, 0.4, 0.8],    1.1),
    genre("war",             [0.4, 0.2, 0.5],    1.4),
    genre("silent film",     [0.05, 0.02, 0.03], 1.0),
];

/// The genre that a service specialises in, by the service's rank; the others repeat from the start.
pub(super) const SPECIALITIES: [u16; 16] = [0, 3, 2, 1, 5, 4, 8, 6, 13, 7, 9, 10, 11, 12, 14, 16];

/// Services are named by one word of each list.
pub(super) const SITE_FIRST: [&str; 8] =
    ["Aurora", "Lantern", "Meridian", "Pebble", "Quartz", "Saffron", "Tern", "Willow"];
pub(super) const SITE_SECOND: [&str; 8] = ["Play", "TV", "Stream", "Cinema", "Vision", "Channel", "Screen", "Box"];
