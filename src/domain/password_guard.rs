//! Slows down who guesses passwords from one address.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Mutex, PoisonError},
};

use crate::clock::UnixSeconds;

/// So many wrong passwords from one address within [`WINDOW_SECONDS`] are answered; then none.
const MAX_WRONG: u32 = 10;
const WINDOW_SECONDS: u64 = 3600;
/// About 4 MiB. When so many addresses guess within an hour, the oldest are forgotten: by then the
/// secrets themselves lock.
const MAX_ADDRESSES: usize = 65_536;

/// Counts wrong passwords by address, in memory: a restart forgives, the count of the secret stays.
#[derive(Default)]
pub struct PasswordGuard(Mutex<HashMap<IpAddr, Tries>>);

struct Tries {
    since: UnixSeconds,
    wrong: u32,
}

/// Too many wrong passwords: how many seconds to wait.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany {
    /// Until the window is over.
    pub retry_after_seconds: u64,
}

impl PasswordGuard {
    /// Counts a try as wrong before it is checked.
    ///
    /// # Errors
    ///
    /// [`TooMany`]; the try is not counted then, so that waiting helps.
    pub fn charge(&self, address: IpAddr, now: UnixSeconds) -> Result<(), TooMany> {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MAX_ADDRESSES {
            make_room(&mut tries, now);
        }
        let counted = tries.entry(block(address)).or_insert(Tries { since: now, wrong: 0 });
        let ends = counted.since.plus(WINDOW_SECONDS);
        if now >= ends {
            *counted = Tries { since: now, wrong: 0 };
        } else if counted.wrong >= MAX_WRONG {
            return Err(TooMany { retry_after_seconds: ends.0 - now.0 });
        }
        counted.wrong += 1;
        Ok(())
    }

    /// Takes the count of a try back that was right.
    pub fn forgive(&self, address: IpAddr) {
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counted) = tries.get_mut(&block(address)) {
            counted.wrong = counted.wrong.saturating_sub(1);
        }
    }
}

/// What one customer has: an IPv4 address, or the first 64 bits of an IPv6 address.
fn block(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => {
            let mut segments = address.segments();
            segments[4..].fill(0);
            Ipv6Addr::from(segments).into()
        }
    }
}

fn make_room(tries: &mut HashMap<IpAddr, Tries>, now: UnixSeconds) {
    tries.retain(|_, counted| now < counted.since.plus(WINDOW_SECONDS) && counted.wrong > 0);
    if tries.len() >= MAX_ADDRESSES {
        let mut ages: Vec<u64> = tries.values().map(|counted| counted.since.0).collect();
        let (_, median, _) = ages.select_nth_unstable(MAX_ADDRESSES / 2);
        let median = *median;
        tries.retain(|_, counted| counted.since.0 > median);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_wrong_ones_within_an_hour_and_then_none() {
        let guard = PasswordGuard::default();
        let start = UnixSeconds(1000);
        let address: IpAddr = "2001:db8:0:1::1".parse().unwrap();
        let neighbour: IpAddr = "2001:db8:0:1:ffff::2".parse().unwrap();
        let stranger: IpAddr = "2001:db8:0:2::1".parse().unwrap();
        for _ in 0..10 {
            assert_eq!(guard.charge(address, start), Ok(()));
        }
        let late = start.plus(3599);
        assert_eq!(guard.charge(neighbour, late), Err(TooMany { retry_after_seconds: 1 }));
        assert_eq!(guard.charge(stranger, late), Ok(()));
        guard.forgive(address);
        assert_eq!(guard.charge(address, late), Ok(()));
        assert!(guard.charge(address, late).is_err());
        assert_eq!(guard.charge(address, start.plus(3600)), Ok(()));
    }

    #[test]
    fn memory_is_bounded() {
        let guard = PasswordGuard::default();
        for number in 0..100_000_u32 {
            let address = std::net::Ipv4Addr::from(number).into();
            assert_eq!(guard.charge(address, UnixSeconds(u64::from(number) / 100)), Ok(()));
        }
        assert!(guard.0.lock().unwrap().len() <= MAX_ADDRESSES);
    }
}
