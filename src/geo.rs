//! Places of addresses, from a MaxMind-format file. The only module that names maxminddb.

use crate::facts::Geo;
use maxminddb::{MaxMindDbError, Reader};
use serde::Deserialize;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// An open database.
pub struct GeoDatabase {
    reader: Reader<Vec<u8>>,
}

/// The file could not be used.
#[derive(Debug, thiserror::Error)]
#[error("the geo database {path} could not be read: {reason}")]
pub struct InvalidGeoDatabase {
    /// The file.
    pub path: PathBuf,
    /// The reader's words.
    pub reason: String,
}

/// The file is not what it was when it was opened, or never was sound.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("the geo database is damaged")]
pub struct DamagedGeoDatabase;

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    country: Option<Named<'a>>,
    #[serde(borrow)]
    subdivisions: Option<Vec<Named<'a>>>,
}

#[derive(Deserialize)]
struct Named<'a> {
    iso_code: Option<&'a str>,
}

impl GeoDatabase {
    /// Reads a file into memory: between two reloads nothing on the hot path reads a file.
    ///
    /// # Errors
    /// When it is not there or not of MaxMind's format.
    pub fn open(path: &Path) -> Result<Self, InvalidGeoDatabase> {
        Reader::open_readfile(path)
            .map(|reader| Self { reader })
            .map_err(|error| InvalidGeoDatabase { path: path.to_owned(), reason: error.to_string() })
    }

    /// Where an address is registered, if the database knows.
    ///
    /// # Errors
    /// When the database is damaged where the address would be.
    pub fn locate(&self, address: IpAddr) -> Result<Option<Geo>, DamagedGeoDatabase> {
        let found = self.reader.lookup(address).and_then(|found| found.decode::<Record<'_>>());
        let record = match found {
            Ok(record) => record,
            // A database of IPv4 alone is asked for an IPv6 address.
            Err(MaxMindDbError::InvalidInput { .. }) => None,
            Err(_) => return Err(DamagedGeoDatabase),
        };
        Ok(record.map(|record| Geo {
            country: record.country.and_then(|country| country.iso_code).map(str::to_owned),
            region: record
                .subdivisions
                .and_then(|list| list.into_iter().next())
                .and_then(|region| region.iso_code)
                .map(str::to_owned),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn files() -> Vec<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/data/maxminddb-2.6.2");
        let mut found = Vec::new();
        let mut folders = vec![root];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("run tests/install.sh first") {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path);
                }
            }
        }
        found
    }

    fn located(name: &str, address: &str) -> Option<(Option<String>, Option<String>)> {
        let path = files().into_iter().find(|path| path.ends_with(name)).unwrap();
        let place = GeoDatabase::open(&path).unwrap().locate(address.parse().unwrap()).unwrap()?;
        Some((place.country, place.region))
    }

    #[test]
    fn country_and_region_are_read_from_a_real_city_database() {
        let named = |country: &str, region: &str| Some((Some(country.to_owned()), Some(region.to_owned())));
        assert_eq!(located("GeoIP2-City-Test.mmdb", "2.125.160.216"), named("GB", "ENG"));
        assert_eq!(located("GeoIP2-City-Test.mmdb", "216.160.83.56"), named("US", "WA"));
        assert_eq!(located("GeoIP2-City-Test.mmdb", "2001:218::1"), Some((Some("JP".to_owned()), None)));
        assert_eq!(located("GeoIP2-Country-Test.mmdb", "::ffff:81.2.69.160"), Some((Some("GB".to_owned()), None)));
        assert_eq!(located("GeoIP2-City-Test.mmdb", "10.0.0.1"), None);
    }

    #[test]
    fn broken_database_is_refused_or_knows_nothing_and_never_panics() {
        let mut tried = 0;
        for path in files().iter().filter(|path| path.extension().is_some_and(|suffix| suffix == "mmdb")) {
            let Ok(database) = GeoDatabase::open(path) else { continue };
            tried += 1;
            for step in 0..512_u32 {
                let bits = step.wrapping_mul(0x9E37_79B9);
                let _ = database.locate(IpAddr::V4(Ipv4Addr::from_bits(bits)));
                let _ = database.locate(IpAddr::V6(Ipv6Addr::from_bits(u128::from(bits) << 90)));
            }
        }
        assert!(tried > 20, "only {tried} files could be opened");
    }
}
