//! Countries, their cities and their internet providers.

/// A country and its largest cities; countries are in the order of their weight.
struct Country(&'static str, &'static [&'static str]);

#[rustfmt::skip]
static COUNTRIES: [Country; 40] = [
    Country("United States", &["New York", "Los Angeles", "Chicago", "Houston", "Phoenix", "Philadelphia", "Seattle", "Denver", "Boston"]),
    Country("India", &["Mumbai", "Delhi", "Bengaluru", "Hyderabad", "Chennai", "Kolkata", "Pune"]),
    Country("Brazil", &["São Paulo", "Rio de Janeiro", "Brasília", "Salvador", "Fortaleza"]),
    Country("United Kingdom", &["London", "Manchester", "Birmingham", "Glasgow", "Leeds"]),
    Country("Japan", &["Tokyo", "Osaka", "Yokohama", "Nagoya", "Sapporo"]),
    Country("Germany", &["Berlin", "Hamburg", "Munich", "Cologne"]),
    Country("Mexico", &["Mexico City", "Guadalajara", "Monterrey", "Puebla"]),
    Country("France", &["Paris", "Marseille", "Lyon", "Toulouse"]),
    Country("Indonesia", &["Jakarta", "Surabaya", "Bandung", "Medan"]),
    Country("Canada", &["Toronto", "Montreal", "Vancouver", "Calgary"]),
    Country("Italy", &["Rome", "Milan", "Naples", "Turin"]),
    Country("Spain", &["Madrid", "Barcelona", "Valencia", "Seville"]),
    Country("South Korea", &["Seoul", "Busan", "Incheon", "Daegu"]),
    Country("Turkey", &["Istanbul", "Ankara", "Izmir", "Bursa"]),
    Country("Australia", &["Sydney", "Melbourne", "Brisbane", "Perth"]),
    Country("Philippines", &["Manila", "Quezon City", "Davao", "Cebu"]),
    Country("Vietnam", &["Hanoi", "Da Nang", "Haiphong", "Can Tho"]),
    Country("Poland", &["Warsaw", "Kraków", "Łódź", "Wrocław"]),
    Country("Argentina", &["Buenos Aires", "Rosario", "Mendoza", "La Plata"]),
    Country("Netherlands", &["Amsterdam", "Rotterdam", "The Hague", "Utrecht"]),
    Country("Thailand", &["Bangkok", "Chiang Mai", "Pattaya"]),
    Country("Egypt", &["Cairo", "Alexandria", "Giza"]),
    Country("Colombia", &["Bogotá", "Medellín", "Cali"]),
    Country("South Africa", &["Johannesburg", "Cape Town", "Durban"]),
    Country("Nigeria", &["Lagos", "Kano", "Ibadan"]),
    Country("Sweden", &["Stockholm", "Gothenburg", "Malmö"]),
    Country("Malaysia", &["Kuala Lumpur", "Penang", "Johor Bahru"]),
    Country("Belgium", &["Brussels", "Antwerp", "Ghent"]),
    Country("Switzerland", &["Zurich", "Geneva", "Basel"]),
    Country("Chile", &["Santiago", "Valparaíso", "Concepción"]),
    Country("Portugal", &["Lisbon", "Porto", "Braga"]),
    Country("Austria", &["Vienna", "Graz", "Linz"]),
    Country("Norway", &["Oslo", "Bergen", "Trondheim"]),
    Country("Greece", &["Athens", "Thessaloniki", "Patras"]),
    Country("Denmark", &["Copenhagen", "Aarhus", "Odense"]),
    Country("Finland", &["Helsinki", "Tampere", "Turku"]),
    Country("Ireland", &["Dublin", "Cork", "Galway"]),
    Country("New Zealand", &["Auckland", "Wellington", "Christchurch"]),
    Country("Kenya", &["Nairobi", "Mombasa", "Kisumu"]),
    Country("Iceland", &["Reykjavík", "Akureyri", "Selfoss"]),
];

/// Smaller places are parts of a large city.
const QUARTERS: [&str; 16] = [
    "North",
    "South",
    "East",
    "West",
    "Old Town",
    "Riverside",
    "Hills",
    "Park",
    "Station",
    "Gardens",
    "Market",
    "University",
    "Airport",
    "Heights",
    "Lakeside",
    "Mills",
];

/// The words after the country in providers' names, the largest provider first; the last two are slow.
const PROVIDERS: [&str; 8] = ["Telecom", "Fibre", "Mobile", "Cable", "Online", "Broadband", "Wireless", "Satellite"];

/// Congestion of a country's providers before the country's own factor; 1 is usual.
pub(super) const PROVIDER_CONGESTION: [f64; 8] = [0.9, 0.5, 1.5, 0.8, 1.0, 1.1, 2.2, 4.0];

/// Countries from this rank on have no satellite provider.
const SATELLITE_RANKS: usize = 20;

/// Names of all countries.
pub(super) fn countries() -> Vec<&'static str> {
    COUNTRIES.iter().map(|country| country.0).collect()
}

/// Whether most people of a country came to the internet by phone.
pub(super) fn phones_first(country: &str) -> bool {
    const NAMES: [&str; 12] = [
        "India",
        "Brazil",
        "Mexico",
        "Indonesia",
        "Turkey",
        "Philippines",
        "Vietnam",
        "Thailand",
        "Egypt",
        "Colombia",
        "Nigeria",
        "Kenya",
    ];
    NAMES.contains(&country)
}

/// Names of the cities of the country of a rank: the real ones, then their quarters.
pub(super) fn cities(rank: usize) -> Vec<String> {
    let large = COUNTRIES[rank].1;
    let quarters = QUARTERS.iter().flat_map(|quarter| large.iter().map(move |city| format!("{city} {quarter}")));
    large.iter().map(|city| (*city).to_owned()).chain(quarters).take(city_count(rank)).collect()
}

/// Names of the providers of the country of a rank.
pub(super) fn providers(rank: usize) -> Vec<String> {
    let count = if rank < SATELLITE_RANKS { 8 } else { 7 };
    let country = COUNTRIES[rank].0;
    PROVIDERS[..count].iter().map(|kind| format!("{country} {kind}")).collect()
}

/// Larger countries have more cities, though not in proportion.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
fn city_count(rank: usize) -> usize {
    (133.2 / (rank as f64 + 1.0).sqrt()).round() as usize
}
