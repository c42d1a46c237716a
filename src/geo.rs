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
