//! Sizes for people, in the same form everywhere: the pages have the same function (`bytes` in
//! `src/web/js/common/page.js`).

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// A number of bytes in powers of 1,024, with one decimal digit unless it is 0: "100 MiB".
pub(crate) fn size_text(bytes: u64) -> String {
    match bytes {
        1 => return "1 byte".to_owned(),
        0..1024 => return format!("{bytes} bytes"),
        _ => {}
    }
    // In tenths, rounded. A value that would be rounded to 1,024 is shown in the next unit.
    let mut one = 1024_u128;
    let mut tenths = in_tenths(bytes, one);
    let mut units = UNITS.into_iter();
    let mut unit = units.next().unwrap_or_default();
    while tenths >= 10_240 {
        let Some(next) = units.next() else { break };
        unit = next;
        one *= 1024;
        tenths = in_tenths(bytes, one);
    }
    match tenths % 10 {
        0 => format!("{} {unit}", tenths / 10),
        digit => format!("{}.{digit} {unit}", tenths / 10),
    }
}

fn in_tenths(bytes: u64, one: u128) -> u128 {
    (u128::from(bytes) * 10 + one / 2) / one
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_powers_of_1024() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (1_048_523, "1023.9 KiB"),
            (1_048_525, "1 MiB"),
            (1_048_576, "1 MiB"),
            (100 << 20, "100 MiB"),
            (104_857_601, "100 MiB"),
            (110_100_480, "105 MiB"),
            (5 << 30, "5 GiB"),
            (u64::MAX, "16384 PiB"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(size_text(bytes), expected, "{bytes}");
        }
    }
}
