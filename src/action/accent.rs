//! An accent colour, and the colours that go with it, so that text stays readable whatever a merchant chooses.

/// A colour in sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Accent([u8; 3]);

/// Least contrast of text, by WCAG 2.2, level AA.
const READABLE: f64 = 4.5;

impl Accent {
    /// The accent of an action that names none: indigo, the colour of a noren.
    pub const DEFAULT: Self = Self([0x1f, 0x3f, 0x77]);

    /// The light theme's background.
    pub(crate) const PAPER: Self = Self([255; 3]);

    /// The dark theme's background.
    pub(crate) const NIGHT: Self = Self([0x1c, 0x1c, 0x1f]);

    /// Reads `#rgb` or `#rrggbb`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, r, g, b] = match digits.len() {
            6 => number.to_be_bytes(),
            3 => [0, (number >> 8 & 15) as u8 * 17, (number >> 4 & 15) as u8 * 17, (number & 15) as u8 * 17],
            _ => return None,
        };
        Some(Self([r, g, b]))
    }

    /// `rrggbb`, for class names.
    #[must_use]
    pub fn hex(self) -> String {
        let [r, g, b] = self.0;
        format!("{r:02x}{g:02x}{b:02x}")
    }

    /// White or near-black: what reads better on it.
    #[must_use]
    pub fn text_on_it(self) -> Self {
        let (white, black) = (Self([255; 3]), Self([0x17; 3]));
        if self.contrast(white) >= self.contrast(black) { white } else { black }
    }

    /// The accent moved towards black or white until it can be read on a background.
    #[must_use]
    pub fn readable_on(self, background: Self) -> Self {
        let goal: u8 = if background.luminance() > 0.5 { 0 } else { 255 };
        (0..=20)
            .map(|step| Self(self.0.map(|c| (i32::from(c) + (i32::from(goal) - i32::from(c)) * step / 20) as u8)))
            .find(|colour| colour.contrast(background) >= READABLE)
            .unwrap_or(Self([goal; 3]))
    }

    fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|c| {
            let c = f64::from(c) / 255.0;
            if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_readable_with_every_accent() {
        let (paper, night) = (Accent::PAPER, Accent::NIGHT);
        for number in (0..0x00ff_ffff_u32).step_by(9_973) {
            let accent = Accent::parse(&format!("#{number:06x}")).unwrap();
            assert!(accent.contrast(accent.text_on_it()) >= 4.2, "{accent:?}");
            assert!(accent.readable_on(paper).contrast(paper) >= READABLE, "{accent:?}");
            assert!(accent.readable_on(night).contrast(night) >= READABLE, "{accent:?}");
        }
    }

    #[test]
    fn only_hexadecimal_colours_are_colours() {
        assert_eq!(Accent::parse("#b21"), Accent::parse("#bb2211"));
        for text in ["red", "#12", "#12345", "b21", "#b21;}", "#+12", ""] {
            assert_eq!(Accent::parse(text), None, "{text}");
        }
    }
}
