//! Long scans, read in portions.

use super::{Key, Scan, StoreError};

/// The number of items that are read at a time.
const PORTION: usize = 64;

/// The items of a scan, read in portions. An error is the last item.
pub(super) struct Portions<T, Read, KeyOf> {
    scan: Scan,
    read: Read,
    key_of: KeyOf,
    portion: std::vec::IntoIter<T>,
    is_last: bool,
}

impl<T, Read, KeyOf> Portions<T, Read, KeyOf> {
    pub(super) fn new(scan: Scan, read: Read, key_of: KeyOf) -> Self {
        let portion = Vec::new().into_iter();
        Self { scan: scan.limit(PORTION), read, key_of, portion, is_last: false }
    }
}

impl<T, Read, KeyOf> Iterator for Portions<T, Read, KeyOf>
where
    Read: Fn(&Scan) -> Result<Vec<T>, StoreError>,
    KeyOf: Fn(&T) -> Key,
{
    type Item = Result<T, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(item) = self.portion.next() {
            return Some(Ok(item));
        }
        if self.is_last {
            return None;
        }
        match (self.read)(&self.scan) {
            Ok(portion) => {
                self.is_last = portion.len() < PORTION;
                self.scan.after = portion.last().map(&self.key_of);
                self.portion = portion.into_iter();
                self.portion.next().map(Ok)
            }
            Err(error) => {
                self.is_last = true;
                Some(Err(error))
            }
        }
    }
}
