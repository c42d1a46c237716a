//! A small drawing board that writes SVG: shapes, light on round things, and the scene behind them.

use std::fmt::Write as _;

/// A colour as `0xRRGGBB`.
pub(in crate::demo) type Colour = u32;

/// Sides of the square that pictures are drawn on.
const SIDE: u32 = 400;

/// A traditional pattern, laid faintly over the wall of a scene.
#[derive(Debug, Clone, Copy)]
pub(in crate::demo) enum Pattern {
    /// A bare wall.
    Plain,
    /// Waves (青海波).
    Waves,
    /// Hemp leaves (麻の葉).
    Hemp,
    /// Linked rings (七宝).
    Rings,
    /// Arrow feathers (矢絣), simplified.
    Feathers,
}

/// An SVG picture in the making.
#[derive(Debug, Default)]
pub(in crate::demo) struct Canvas {
    defs: String,
    body: String,
    paints: u32,
}

impl Canvas {
    /// The finished picture.
    pub(super) fn finish(self, title: &str) -> String {
        self.finish_sized(title, SIDE, SIDE)
    }

    /// The finished picture, on a canvas of another size.
    pub(super) fn finish_sized(self, title: &str, width: u32, height: u32) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\">\
             <title>{title}</title><defs>{}</defs>{}</svg>",
            self.defs, self.body
        )
    }

    /// A wall with a pattern and a moon on it, and a table in front.
    pub(super) fn scene(&mut self, wall: Colour, pattern: Pattern) {
        let light = self.fade(mix(wall, 0xffffff, 0.34), wall);
        self.rect(0.0, 0.0, 400.0, 400.0, 0.0, &light);
        if let Some(tile) = self.tile(pattern, mix(wall, 0xffffff, 0.62)) {
            self.rect(0.0, 0.0, 400.0, 302.0, 0.0, &tile);
        }
        self.raw(&format!(
            "<circle cx=\"200\" cy=\"178\" r=\"132\" fill=\"{}\" opacity=\".5\"/>",
            hex(mix(wall, 0xffffff, 0.72))
        ));
        let table = self.fade(mix(wall, 0x3b2a1c, 0.16), mix(wall, 0x3b2a1c, 0.07));
        self.rect(0.0, 302.0, 400.0, 98.0, 0.0, &table);
        self.raw(&format!(
            "<path d=\"M0 302H400\" stroke=\"{}\" stroke-width=\"1.5\" opacity=\".6\"/>",
            hex(mix(wall, 0xffffff, 0.5))
        ));
    }

    /// A flat ground seen from above, for things that lie.
    pub(super) fn ground(&mut self, wall: Colour, pattern: Pattern) {
        let light = self.fade(mix(wall, 0xffffff, 0.26), mix(wall, 0x3b2a1c, 0.06));
        self.rect(0.0, 0.0, 400.0, 400.0, 0.0, &light);
        if let Some(tile) = self.tile(pattern, mix(wall, 0xffffff, 0.55)) {
            self.rect(0.0, 0.0, 400.0, 400.0, 0.0, &tile);
        }
    }

    /// A soft shadow on the table.
    pub(super) fn shadow(&mut self, cx: f32, cy: f32, rx: f32, ry: f32) {
        for (grow, opacity) in [(1.12, 0.06), (1.0, 0.09), (0.86, 0.12)] {
            self.raw(&format!(
                "<ellipse cx=\"{cx}\" cy=\"{cy}\" rx=\"{:.1}\" ry=\"{:.1}\" fill=\"#2b1d12\" opacity=\"{opacity}\"/>",
                rx * grow,
                ry * grow
            ));
        }
    }

    /// A soft shadow of something flat and square that lies or hangs there.
    pub(super) fn sheet_shadow(&mut self, x: f32, y: f32, w: f32, h: f32) {
        for (grow, opacity) in [(9.0, 0.05), (6.0, 0.06), (3.0, 0.08)] {
            self.raw(&format!(
                "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" rx=\"{}\" fill=\"#2b1d12\" opacity=\"{opacity}\"/>",
                x + 7.0 - grow,
                y + 9.0 - grow,
                w + 2.0 * grow,
                h + 2.0 * grow,
                grow + 4.0
            ));
        }
    }

    /// A rectangle with rounded corners.
    pub(super) fn rect(&mut self, x: f32, y: f32, w: f32, h: f32, r: f32, paint: &str) {
        self.raw(&format!("<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"{r}\" fill=\"{paint}\"/>"));
    }

    /// An ellipse.
    pub(super) fn ellipse(&mut self, cx: f32, cy: f32, rx: f32, ry: f32, paint: &str) {
        self.raw(&format!("<ellipse cx=\"{cx}\" cy=\"{cy}\" rx=\"{rx}\" ry=\"{ry}\" fill=\"{paint}\"/>"));
    }

    /// A filled outline in SVG's path language.
    pub(super) fn path(&mut self, d: &str, paint: &str) {
        self.raw(&format!("<path d=\"{d}\" fill=\"{paint}\"/>"));
    }

    /// A stroke with round ends.
    pub(super) fn line(&mut self, d: &str, paint: &str, width: f32) {
        self.raw(&format!(
            "<path d=\"{d}\" fill=\"none\" stroke=\"{paint}\" stroke-width=\"{width}\" \
             stroke-linecap=\"round\" stroke-linejoin=\"round\"/>"
        ));
    }

    /// A translucent fill: highlights and shade.
    pub(super) fn veil(&mut self, d: &str, colour: Colour, opacity: f32) {
        self.raw(&format!("<path d=\"{d}\" fill=\"{}\" opacity=\"{opacity}\"/>", hex(colour)));
    }

    /// Draws within a moved and turned frame.
    pub(super) fn at(&mut self, x: f32, y: f32, degrees: f32, draw: impl FnOnce(&mut Self)) {
        self.raw(&format!("<g transform=\"translate({x} {y}) rotate({degrees})\">"));
        draw(self);
        self.raw("</g>");
    }

    /// Draws within an outline; what lies beyond it is cut off.
    pub(super) fn clip(&mut self, outline: &str, draw: impl FnOnce(&mut Self)) {
        let id = self.next();
        let _ = write!(self.defs, "<clipPath id=\"{id}\"><path d=\"{outline}\"/></clipPath>");
        self.raw(&format!("<g clip-path=\"url(#{id})\">"));
        draw(self);
        self.raw("</g>");
    }

    /// A paint from left to right, as light falls on something round and upright.
    pub(super) fn round(&mut self, base: Colour) -> String {
        let stops = [
            (0, mix(base, 0x1d130c, 0.24)),
            (18, base),
            (38, mix(base, 0xffffff, 0.26)),
            (68, base),
            (100, mix(base, 0x1d130c, 0.36)),
        ];
        self.linear("x1=\"0\" y1=\"0\" x2=\"1\" y2=\"0\"", &stops)
    }

    /// A paint from above, as light falls on a ball.
    pub(super) fn dome(&mut self, base: Colour) -> String {
        let id = self.next();
        let _ = write!(
            self.defs,
            "<radialGradient id=\"{id}\" cx=\".38\" cy=\".3\" r=\".85\"><stop offset=\"0\" stop-color=\"{}\"/>\
             <stop offset=\".5\" stop-color=\"{}\"/><stop offset=\"1\" stop-color=\"{}\"/></radialGradient>",
            hex(mix(base, 0xffffff, 0.42)),
            hex(base),
            hex(mix(base, 0x1d130c, 0.3))
        );
        format!("url(#{id})")
    }

    /// A paint from one colour at the top to another at the bottom.
    pub(super) fn fade(&mut self, top: Colour, bottom: Colour) -> String {
        self.linear("x1=\"0\" y1=\"0\" x2=\"0\" y2=\"1\"", &[(0, top), (100, bottom)])
    }

    /// A repeating pattern as a paint.
    pub(super) fn tile(&mut self, pattern: Pattern, colour: Colour) -> Option<String> {
        let (w, h, d) = match pattern {
            Pattern::Plain => return None,
            Pattern::Waves => (
                40.0,
                20.0,
                "M0 20a20 20 0 0 1 40 0M6 20a14 14 0 0 1 28 0M12 20a8 8 0 0 1 16 0\
                 M-20 10a20 20 0 0 1 40 0M-14 10a14 14 0 0 1 28 0M20 10a20 20 0 0 1 40 0M26 10a14 14 0 0 1 28 0",
            ),
            Pattern::Hemp => (
                34.64,
                60.0,
                "M0 0L17.32 10L34.64 0M17.32 10V30M0 0V20L17.32 30L34.64 20V0M0 20L17.32 10L34.64 20\
                 M0 60L17.32 50L34.64 60M17.32 50V30M0 60V40L17.32 30L34.64 40V60M0 40L17.32 50L34.64 40M0 20V40M34.64 20V40",
            ),
            Pattern::Rings => (
                40.0,
                40.0,
                "M20 0a20 20 0 1 1 0 40a20 20 0 1 1 0-40M0-20a20 20 0 1 1 0 40a20 20 0 1 1 0-40\
                 M40-20a20 20 0 1 1 0 40a20 20 0 1 1 0-40M0 20a20 20 0 1 1 0 40a20 20 0 1 1 0-40M40 20a20 20 0 1 1 0 40a20 20 0 1 1 0-40",
            ),
            Pattern::Feathers => (24.0, 36.0, "M0 12L12 0L24 12M0 24L12 12L24 24M0 36L12 24L24 36M12 0V36"),
        };
        let id = self.next();
        let _ = write!(
            self.defs,
            "<pattern id=\"{id}\" width=\"{w}\" height=\"{h}\" patternUnits=\"userSpaceOnUse\">\
             <path d=\"{d}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.1\"/></pattern>",
            hex(colour)
        );
        Some(format!("url(#{id})"))
    }

    fn linear(&mut self, axis: &str, stops: &[(u32, Colour)]) -> String {
        let id = self.next();
        let _ = write!(self.defs, "<linearGradient id=\"{id}\" {axis}>");
        for (at, colour) in stops {
            let _ = write!(self.defs, "<stop offset=\"{at}%\" stop-color=\"{}\"/>", hex(*colour));
        }
        self.defs.push_str("</linearGradient>");
        format!("url(#{id})")
    }

    fn next(&mut self) -> String {
        self.paints += 1;
        format!("p{}", self.paints)
    }

    fn raw(&mut self, svg: &str) {
        self.body.push_str(svg);
    }
}

/// A colour as SVG writes it.
pub(in crate::demo) fn hex(colour: Colour) -> String {
    format!("#{colour:06x}")
}

/// A colour between two: `share` of the second.
pub(in crate::demo) fn mix(first: Colour, second: Colour, share: f32) -> Colour {
    [16, 8, 0].into_iter().fold(0, |sum, shift| {
        let (a, b) = (((first >> shift) & 0xff) as f32, ((second >> shift) & 0xff) as f32);
        let channel = (a + (b - a) * share).round().clamp(0.0, 255.0) as u32;
        sum | (channel << shift)
    })
}
