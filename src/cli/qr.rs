//! A QR code for a terminal.

use std::io::{self, Write};

use fast_qr::{ECL, QRBuilder};

use super::Failure;

/// The light modules around the code that scanners require.
const QUIET: usize = 2;

/// Draws `text` with half blocks, dark on light for all colours of the terminal.
pub(crate) fn draw(text: &str, out: &mut dyn Write) -> Result<(), Failure> {
    let code = QRBuilder::new(text)
        .ecl(ECL::M)
        .build()
        .map_err(|_| Failure::failed("the link is too long for a QR code"))?;
    let is_dark = |row: usize, column: usize| {
        let (row, column) = (row.checked_sub(QUIET), column.checked_sub(QUIET));
        let (Some(row), Some(column)) = (row, column) else { return false };
        row < code.size && column < code.size && code[row][column].value()
    };
    let side = code.size + 2 * QUIET;
    for row in (0..side).step_by(2) {
        // Black on white, each character two modules high.
        write!(out, "\x1b[30;107m")?;
        for column in 0..side {
            let block = match (is_dark(row, column), is_dark(row + 1, column)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            };
            write!(out, "{block}")?;
        }
        writeln!(out, "\x1b[0m")?;
    }
    io::Write::flush(out)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_drawn_is_the_code() {
        let text =
            "https://drop.example.org/0123456789abcdefghijklmnopqrstu/#RklHS0VPVElSVUJOQUtRSlJM";
        let mut drawn = Vec::new();
        draw(text, &mut drawn).unwrap();
        let drawn = String::from_utf8(drawn).unwrap();
        let mut rows: Vec<Vec<bool>> = Vec::new();
        for line in drawn.lines() {
            let line = line.strip_prefix("\x1b[30;107m").unwrap().strip_suffix("\x1b[0m").unwrap();
            rows.push(line.chars().map(|char| matches!(char, '█' | '▀')).collect());
            rows.push(line.chars().map(|char| matches!(char, '█' | '▄')).collect());
        }
        let code = QRBuilder::new(text).ecl(ECL::M).build().unwrap();
        assert!(rows.len() >= code.size + 2 * QUIET && rows[0].len() == code.size + 2 * QUIET);
        for (row, modules) in rows.iter().enumerate() {
            for (column, is_dark) in modules.iter().enumerate() {
                let inside = (QUIET..QUIET + code.size).contains(&row)
                    && (QUIET..QUIET + code.size).contains(&column);
                let expected = inside && code[row - QUIET][column - QUIET].value();
                assert_eq!(*is_dark, expected, "row {row}, column {column}");
            }
        }
    }
}
