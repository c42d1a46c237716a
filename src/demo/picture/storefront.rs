//! The shop's own pictures: its front with the curtain, and its crest.

use super::{Canvas, Pattern, hex, mix};

const INDIGO: u32 = 0x24426b;
const WOOD: u32 = 0x5b3f2a;

/// The front of the shop: beams, lattice, curtain, lantern and a shelf behind.
pub(in crate::demo) fn draw() -> String {
    let mut c = Canvas::default();
    let wall = c.fade(0xf6e7c8, 0xe4c793);
    c.rect(0.0, 0.0, 1000.0, 720.0, 0.0, &wall);
    c.ellipse(500.0, 460.0, 520.0, 420.0, "#fff3d3");
    shelf(&mut c);
    for (x, w) in [(0.0, 178.0), (822.0, 178.0)] {
        lattice(&mut c, x, w);
    }
    let beam = c.fade(0x6d4d34, 0x472f1e);
    c.rect(0.0, 0.0, 1000.0, 96.0, 0.0, &beam);
    c.line("M0 30H1000M0 62H1000", &hex(0x7d5b3f), 2.0);
    for x in [170.0, 804.0] {
        let post = c.round(WOOD);
        c.rect(x, 60.0, 26.0, 600.0, 0.0, &post);
    }
    let eaves = c.fade(0x3b4046, 0x24282d);
    c.rect(0.0, 0.0, 1000.0, 34.0, 0.0, &eaves);
    for i in 0..26u8 {
        let x = 20.0 + 40.0 * f32::from(i);
        c.path(&format!("M{} 34a20 15 0 0 0 40 0Z", x - 20.0), &hex(0x2d3238));
        c.line(&format!("M{} 34a20 15 0 0 0 40 0", x - 20.0), &hex(0x59616a), 2.0);
    }
    curtain(&mut c);
    lantern(&mut c, 250.0, 470.0);
    lantern(&mut c, 752.0, 470.0);
    let ground = c.fade(0xb7a78e, 0x9b8b73);
    c.rect(0.0, 650.0, 1000.0, 70.0, 0.0, &ground);
    for (x, y, rx) in [(120.0, 690.0, 90.0), (360.0, 700.0, 120.0), (630.0, 692.0, 110.0), (890.0, 700.0, 96.0)] {
        c.ellipse(x, y, rx, 12.0, &hex(0xc7b89f));
    }
    plant(&mut c, 92.0, 650.0);
    plant(&mut c, 908.0, 650.0);
    c.finish_sized("Norendō", 1000, 720)
}

/// The crest: three leaves in a ring.
pub(in crate::demo) fn crest() -> String {
    let mut c = Canvas::default();
    c.rect(0.0, 0.0, 400.0, 400.0, 88.0, &hex(INDIGO));
    c.at(200.0, 200.0, 0.0, |c| emblem(c, 2.3));
    c.finish("Norendō")
}

fn curtain(c: &mut Canvas) {
    for i in 0..5u8 {
        let x = 204.0 + 119.0 * f32::from(i);
        let sway = [5.0, -5.0, 6.0, -4.0, 5.0].get(usize::from(i)).copied().unwrap_or_default();
        let outline = format!(
            "M{x} 118H{r}C{r} 210 {a} 300 {b} 372C{c1} 382 {c2} 364 {d} 374C{e} 300 {x} 210 {x} 118Z",
            r = x + 115.0,
            a = x + 113.0 + sway,
            b = x + 115.0 + sway,
            c1 = x + 82.0,
            c2 = x + 40.0,
            d = x + sway,
            e = x + sway - 2.0,
        );
        let cloth = c.round(INDIGO);
        c.path(&outline, &cloth);
        c.clip(&outline, |c| {
            if let Some(tile) = c.tile(Pattern::Waves, mix(INDIGO, 0xffffff, 0.12)) {
                c.rect(x, 320.0, 130.0, 70.0, 0.0, &tile);
            }
            c.veil(
                &format!(
                    "M{} 118C{} 220 {} 300 {} 380H{}C{} 300 {} 220 {} 118Z",
                    x + 36.0,
                    x + 48.0,
                    x + 28.0,
                    x + 40.0,
                    x + 58.0,
                    x + 48.0,
                    x + 66.0,
                    x + 54.0
                ),
                0x0b1830,
                0.25,
            );
        });
        c.rect(x + 16.0, 96.0, 22.0, 30.0, 3.0, &hex(mix(INDIGO, 0x000000, 0.2)));
        c.rect(x + 77.0, 96.0, 22.0, 30.0, 3.0, &hex(mix(INDIGO, 0x000000, 0.2)));
    }
    c.at(501.0, 236.0, 0.0, |c| emblem(c, 1.35));
    for x in [263.0, 739.0] {
        c.at(x, 236.0, 0.0, |c| emblem(c, 0.62));
    }
    let bar = c.fade(0xc79a62, 0x83592f);
    c.rect(184.0, 102.0, 632.0, 16.0, 8.0, &bar);
    c.line("M196 108H804", &hex(0xe6c591), 2.0);
}

fn emblem(c: &mut Canvas, size: f32) {
    let white = "#f6f1e5";
    let r = 58.0 * size;
    c.line(&format!("M0 -{r}a{r} {r} 0 1 0 0.1 0"), white, 8.0 * size);
    for turn in [-58.0, 0.0, 58.0] {
        c.at(0.0, 26.0 * size, turn, |c| {
            let (w, h) = (19.0 * size, 66.0 * size);
            c.path(
                &format!("M0 0C{w} -{} {w} -{} 0 -{h}C-{w} -{} -{w} -{} 0 0Z", h * 0.3, h * 0.7, h * 0.7, h * 0.3),
                white,
            );
            c.line(&format!("M0 -{}V-{}", 6.0 * size, h * 0.72), &hex(INDIGO), 2.4 * size);
        });
    }
}

fn lattice(c: &mut Canvas, x: f32, width: f32) {
    let paper = c.fade(0xfff6df, 0xf2dcae);
    c.rect(x, 96.0, width, 560.0, 0.0, &paper);
    let bars = (width / 22.0) as u8;
    for i in 0..=bars {
        let wood = c.round(WOOD);
        c.rect(x + 22.0 * f32::from(i), 96.0, 8.0, 560.0, 0.0, &wood);
    }
    for y in [96.0, 280.0, 470.0, 640.0] {
        c.rect(x, y, width, 12.0, 0.0, &hex(mix(WOOD, 0x000000, 0.12)));
    }
}

fn shelf(c: &mut Canvas) {
    for y in [470.0, 590.0] {
        let board = c.fade(0xa4764a, 0x7d5632);
        c.rect(196.0, y, 610.0, 16.0, 0.0, &board);
        c.veil(&format!("M196 {}H806V{}H196Z", y + 16.0, y + 28.0), 0x5b3f2a, 0.18);
    }
    for (x, y, colour, kind) in [
        (330.0, 470.0, 0x8fa39a, 0u8),
        (408.0, 470.0, 0xa4472f, 1),
        (486.0, 470.0, 0xf1ede2, 2),
        (560.0, 470.0, 0x35596b, 0),
        (640.0, 470.0, 0xd8c3a0, 1),
        (690.0, 470.0, 0x6e3423, 2),
        (300.0, 590.0, 0xc9a24a, 2),
        (372.0, 590.0, 0x2f4632, 1),
        (452.0, 590.0, 0x7a4a2b, 0),
        (540.0, 590.0, 0xb8503f, 2),
        (612.0, 590.0, 0x55697a, 0),
        (694.0, 590.0, 0x93a071, 1),
    ] {
        let glaze = c.round(colour);
        match kind {
            0 => c.path(
                &format!(
                    "M{} {}C{} {} {} {y} {} {y}H{}C{} {y} {} {} {} {}Z",
                    x - 34.0,
                    y - 34.0,
                    x - 32.0,
                    y - 12.0,
                    x - 24.0,
                    x - 14.0,
                    x + 14.0,
                    x + 24.0,
                    x + 32.0,
                    y - 12.0,
                    x + 34.0,
                    y - 34.0
                ),
                &glaze,
            ),
            1 => {
                c.rect(x - 20.0, y - 50.0, 40.0, 50.0, 4.0, &glaze);
                c.rect(x - 22.0, y - 54.0, 44.0, 16.0, 4.0, &hex(mix(colour, 0xffffff, 0.18)));
            }
            _ => c.path(
                &format!(
                    "M{} {}C{} {} {} {} {} {}C{} {} {} {y} {} {y}H{}C{} {y} {} {} {} {}C{} {} {} {} {} {}Z",
                    x - 8.0,
                    y - 72.0,
                    x - 6.0,
                    y - 56.0,
                    x - 8.0,
                    y - 50.0,
                    x - 16.0,
                    y - 42.0,
                    x - 32.0,
                    y - 24.0,
                    x - 26.0,
                    x - 14.0,
                    x + 14.0,
                    x + 26.0,
                    x + 32.0,
                    y - 24.0,
                    x + 16.0,
                    y - 42.0,
                    x + 8.0,
                    y - 50.0,
                    x + 6.0,
                    y - 56.0,
                    x + 8.0,
                    y - 72.0
                ),
                &glaze,
            ),
        }
    }
}

fn lantern(c: &mut Canvas, x: f32, y: f32) {
    c.line(&format!("M{x} {}V{}", y - 90.0, y - 60.0), &hex(0x3a2a1c), 3.0);
    c.ellipse(x, y, 74.0, 84.0, "#fff2c933");
    let paper = c.round(0xf7d48c);
    let outline = format!(
        "M{} {}C{} {} {} {} {} {}H{}C{} {} {} {} {} {}Z",
        x - 26.0,
        y - 54.0,
        x - 52.0,
        y - 30.0,
        x - 52.0,
        y + 30.0,
        x - 26.0,
        y + 54.0,
        x + 26.0,
        x + 52.0,
        y + 30.0,
        x + 52.0,
        y - 30.0,
        x + 26.0,
        y - 54.0
    );
    c.path(&outline, &paper);
    c.clip(&outline, |c| {
        for i in 0..8u8 {
            let row = y - 46.0 + 13.0 * f32::from(i);
            c.line(
                &format!(
                    "M{} {row}C{} {} {} {} {} {row}",
                    x - 56.0,
                    x - 20.0,
                    row + 7.0,
                    x + 20.0,
                    row + 7.0,
                    x + 56.0
                ),
                &hex(0xc99a4c),
                1.6,
            );
        }
    });
    c.at(x, y + 2.0, 0.0, |c| {
        c.line("M-14 -12C-6 -22 8 -20 10 -8C12 6 -2 14 -12 18M-16 2C-4 -4 10 -2 16 8", &hex(0xb8362d), 5.0);
    });
    for dy in [-62.0, 52.0] {
        c.rect(x - 28.0, y + dy, 56.0, 11.0, 4.0, &hex(0x2e2219));
    }
    c.line(&format!("M{x} {}v22", y + 64.0), &hex(0xb8362d), 4.0);
}

fn plant(c: &mut Canvas, x: f32, y: f32) {
    for (turn, length) in [(-52.0, 86.0), (-30.0, 118.0), (-10.0, 138.0), (12.0, 128.0), (32.0, 112.0), (54.0, 84.0)] {
        c.at(x, y - 56.0, turn, |c| {
            c.path(
                &format!(
                    "M0 0C16 -{} 14 -{} 0 -{length}C-12 -{} -14 -{} 0 0Z",
                    length * 0.3,
                    length * 0.7,
                    length * 0.7,
                    length * 0.3
                ),
                &hex(0x5d7a4b),
            );
            c.line(&format!("M0 0V-{}", length * 0.85), &hex(0x87a36f), 1.6);
        });
    }
    let pot = c.round(0x7c4a34);
    c.path(&format!("M{} {}H{}L{} {y}H{}Z", x - 44.0, y - 64.0, x + 44.0, x + 32.0, x - 32.0), &pot);
    c.rect(x - 48.0, y - 72.0, 96.0, 15.0, 4.0, &hex(0x93593f));
}
