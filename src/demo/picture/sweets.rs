//! Drawings of sweets.

use super::{Canvas, Pattern, hex, mix};

/// Four seasonal sweets on a lacquer tray.
pub(in crate::demo) fn nerikiri(c: &mut Canvas) {
    c.ground(0xe3d8d6, Pattern::Hemp);
    c.sheet_shadow(54.0, 54.0, 292.0, 292.0);
    let lacquer = c.fade(0x3a2622, 0x231613);
    c.rect(54.0, 54.0, 292.0, 292.0, 14.0, &lacquer);
    c.line("M66 68a4 4 0 0 1 4 -4H330a4 4 0 0 1 4 4V330a4 4 0 0 1 -4 4H70a4 4 0 0 1 -4 -4Z", &hex(0xb4874c), 1.6);
    for (x, y, base) in
        [(132.0, 132.0, 0xeaa7b0), (268.0, 132.0, 0xa9c08a), (132.0, 268.0, 0xe8c173), (268.0, 268.0, 0xc8b2d6)]
    {
        c.ellipse(x + 3.0, y + 6.0, 56.0, 55.0, &hex(0x150c0a));
        let paste = c.dome(base);
        c.ellipse(x, y, 54.0, 54.0, &paste);
    }
    for turn in 0..5u8 {
        c.at(132.0, 132.0, f32::from(turn) * 72.0, |c| {
            c.line("M0 -8C3 -24 2 -38 0 -50", &hex(0xd27a88), 2.6);
            c.path("M-6 -52L0 -42L6 -52Z", &hex(0x2b1a17));
        });
    }
    for turn in 0..16u8 {
        c.at(132.0, 268.0, f32::from(turn) * 22.5, |c| {
            c.line("M0 -14C6 -26 4 -40 0 -48", &hex(0xcf9f45), 2.2);
        });
    }
    c.path("M268 92C300 108 306 148 268 176C230 148 236 108 268 92Z", &hex(0x86a366));
    c.line(
        "M268 98V170M268 120L286 112M268 120L250 112M268 138L290 130M268 138L246 130M268 154L284 150M268 154L252 150",
        &hex(0x5f7c45),
        2.0,
    );
    for turn in 0..6u8 {
        c.at(268.0, 268.0, f32::from(turn) * 60.0, |c| {
            c.path("M0 -6C12 -18 12 -38 0 -46C-12 -38 -12 -18 0 -6Z", &hex(0xb097c4));
        });
    }
    for (x, y) in [(132.0, 132.0), (132.0, 268.0), (268.0, 268.0)] {
        let heart = c.dome(0xf0cf63);
        c.ellipse(x, y, 9.0, 9.0, &heart);
    }
    for (x, y) in [(110.0, 106.0), (246.0, 104.0), (110.0, 242.0), (246.0, 242.0)] {
        c.at(x, y, -30.0, |c| c.veil("M-14 0C-8 -8 8 -8 14 0C6 -3 -6 -3 -14 0Z", 0xffffff, 0.6));
    }
}

/// Three-coloured dumplings on skewers.
pub(in crate::demo) fn dango(c: &mut Canvas) {
    c.ground(0xdfe3d3, Pattern::Rings);
    c.sheet_shadow(48.0, 108.0, 304.0, 212.0);
    let dish = c.fade(0x6a7f86, 0x4f646b);
    c.rect(48.0, 108.0, 304.0, 212.0, 26.0, &dish);
    c.line(
        "M64 134a12 12 0 0 1 12 -12H324a12 12 0 0 1 12 12V294a12 12 0 0 1 -12 12H76a12 12 0 0 1 -12 -12Z",
        &hex(0x93a8ad),
        2.0,
    );
    for y in [162.0, 214.0, 266.0] {
        c.at(200.0, y, -4.0, |c| {
            c.veil("M-92 14H180V20H-92Z", 0x101a1d, 0.2);
            c.rect(-104.0, -3.0, 276.0, 6.0, 3.0, &hex(0xd9bb84));
            for (x, colour) in [(-66.0, 0xe79aa4), (-18.0, 0xf6f1e4), (30.0, 0x93b06f)] {
                c.ellipse(x + 2.0, 6.0, 25.0, 24.0, &hex(0x3b4d53));
                let ball = c.dome(colour);
                c.ellipse(x, 0.0, 25.0, 24.0, &ball);
                c.veil(
                    &format!(
                        "M{} -10C{} -18 {} -18 {} -12C{} -14 {} -13 {} -10Z",
                        x - 14.0,
                        x - 9.0,
                        x - 1.0,
                        x + 3.0,
                        x - 3.0,
                        x - 9.0,
                        x - 14.0
                    ),
                    0xffffff,
                    0.7,
                );
            }
        });
    }
}

/// A stack of pancakes filled with bean paste.
pub(in crate::demo) fn dorayaki(c: &mut Canvas) {
    c.scene(0xe9dcc4, Pattern::Waves);
    c.shadow(196.0, 328.0, 140.0, 16.0);
    let plate = c.round(0x55696f);
    c.path("M48 312C80 338 316 338 348 312L330 306H70Z", &plate);
    for (x, y) in [(192.0, 276.0), (206.0, 206.0)] {
        let low = c.round(0xc6843f);
        c.path(
            &format!(
                "M{} {}C{} {} {} {} {} {}Z",
                x - 108.0,
                y + 8.0,
                x - 96.0,
                y + 46.0,
                x + 96.0,
                y + 46.0,
                x + 108.0,
                y + 8.0
            ),
            &low,
        );
        c.path(
            &format!(
                "M{} {}C{} {} {} {} {} {}C{} {} {} {} {} {}Z",
                x - 104.0,
                y + 2.0,
                x - 90.0,
                y + 24.0,
                x + 90.0,
                y + 24.0,
                x + 104.0,
                y + 2.0,
                x + 90.0,
                y - 12.0,
                x - 90.0,
                y - 12.0,
                x - 104.0,
                y + 2.0
            ),
            &hex(0x4b2120),
        );
        let top = c.dome(0x9c5a26);
        c.path(
            &format!(
                "M{} {}C{} {} {} {} {} {}C{} {} {} {} {} {}Z",
                x - 110.0,
                y,
                x - 104.0,
                y - 64.0,
                x + 104.0,
                y - 64.0,
                x + 110.0,
                y,
                x + 90.0,
                y + 14.0,
                x - 90.0,
                y + 14.0,
                x - 110.0,
                y
            ),
            &top,
        );
        c.line(
            &format!(
                "M{} {}C{} {} {} {} {} {}",
                x - 108.0,
                y + 2.0,
                x - 90.0,
                y + 15.0,
                x + 90.0,
                y + 15.0,
                x + 108.0,
                y + 2.0
            ),
            &hex(0xe2ab68),
            5.0,
        );
        c.veil(
            &format!(
                "M{} {}C{} {} {} {} {} {}C{} {} {} {} {} {}Z",
                x - 70.0,
                y - 26.0,
                x - 44.0,
                y - 44.0,
                x + 6.0,
                y - 46.0,
                x + 30.0,
                y - 42.0,
                x,
                y - 42.0,
                x - 40.0,
                y - 36.0,
                x - 70.0,
                y - 26.0
            ),
            0xffffff,
            0.34,
        );
    }
    c.at(206.0, 172.0, 0.0, |c| {
        c.line("M0 -14a22 11 0 1 0 0.1 0", &hex(0x6d3714), 3.4);
        c.line("M-9 -3H9M0 -9V3", &hex(0x6d3714), 3.2);
    });
}

/// A block of bean jelly, two slices cut.
pub(in crate::demo) fn yokan(c: &mut Canvas) {
    c.scene(0xdcd9e0, Pattern::Rings);
    c.shadow(204.0, 326.0, 142.0, 15.0);
    let board = c.fade(0xd8b683, 0xb98f58);
    c.path("M44 300H356L372 330H28Z", &board);
    c.path("M28 330H372V342H28Z", &hex(0x946c3a));
    for (x, w) in [(70.0, 150.0), (240.0, 30.0), (296.0, 30.0)] {
        let (base, depth) = (0x4a1c24, 34.0);
        let front = c.fade(mix(base, 0xffffff, 0.12), base);
        c.path(&format!("M{x} 212L{} 184H{}L{} 212Z", x + depth, x + w + depth, x + w), &hex(mix(base, 0xffffff, 0.3)));
        c.path(&format!("M{} 212L{} 184V286L{} 316Z", x + w, x + w + depth, x + w), &hex(mix(base, 0x000000, 0.34)));
        c.rect(x, 212.0, w, 104.0, 0.0, &front);
        c.veil(
            &format!("M{} 206L{} 190H{}L{} 206Z", x + 16.0, x + 34.0, x + 34.0 + w * 0.4, x + 16.0 + w * 0.4),
            0xffffff,
            0.35,
        );
        c.veil(&format!("M{x} 212H{}V218H{x}Z", x + w), 0xffffff, 0.2);
    }
    let chestnut = c.dome(0xe3b04b);
    for (x, y, r) in
        [(112.0, 262.0, 17.0), (164.0, 282.0, 15.0), (190.0, 240.0, 12.0), (254.0, 266.0, 10.0), (312.0, 276.0, 10.0)]
    {
        c.ellipse(x, y, r, r * 0.86, &chestnut);
    }
    for (x, y, turn) in [(104.0, 130.0, -30.0), (142.0, 112.0, 20.0), (286.0, 120.0, 40.0)] {
        c.at(x, y, turn, |c| {
            c.path("M0 0C4 -18 22 -22 30 -16C28 -4 16 6 0 0ZM0 0C-4 -18 -22 -22 -30 -16C-28 -4 -16 6 0 0ZM0 0C-10 8 -10 22 0 30C10 22 10 8 0 0Z", &hex(0xc2613d));
        });
    }
}

/// A jar of sugar stars.
pub(in crate::demo) fn konpeito(c: &mut Canvas) {
    c.scene(0xe6dde9, Pattern::Plain);
    c.shadow(204.0, 328.0, 104.0, 15.0);
    let glass = "M112 150C96 176 92 206 92 236C92 300 110 330 200 330C290 330 308 300 308 236C308 206 304 176 288 150Z";
    c.veil(glass, 0xffffff, 0.55);
    let colours = [0xf2b6c0, 0xf7e3a1, 0xb9dbc4, 0xffffff, 0xc9bfe6, 0xa9cfe6];
    c.clip(glass, |c| {
        for row in 0..7u8 {
            for column in 0..9u8 {
                let i = usize::from(row) * 7 + usize::from(column) * 5;
                let colour = colours.get(i % colours.len()).copied().unwrap_or(0xffffff);
                let x = 90.0 + 27.0 * f32::from(column) + if row % 2 == 0 { 0.0 } else { 13.0 };
                star(
                    c,
                    x,
                    322.0 - 22.0 * f32::from(row),
                    13.0,
                    colour,
                    f32::from(row) * 17.0 + f32::from(column) * 23.0,
                );
            }
        }
    });
    c.line(glass, &hex(0xb7b0c4), 2.4);
    c.veil("M118 170C104 200 104 256 118 296C98 262 98 204 118 170Z", 0xffffff, 0.85);
    let lid = c.round(0xc79a62);
    c.path("M116 116H284V148C264 158 136 158 116 148Z", &lid);
    c.ellipse(200.0, 116.0, 84.0, 14.0, &hex(0xe0bd8c));
    c.line("M106 160C140 172 260 172 294 160", &hex(0xb23a3a), 4.0);
    c.line("M200 169C180 156 168 190 200 169C220 156 232 190 200 169L188 198M200 169L214 197", &hex(0xb23a3a), 3.6);
    for (x, y, colour) in
        [(74.0, 338.0, 0xf2b6c0), (330.0, 340.0, 0xf7e3a1), (350.0, 326.0, 0xb9dbc4), (52.0, 350.0, 0xa9cfe6)]
    {
        star(c, x, y, 12.0, colour, x);
    }
}

/// A wafer in the shape of a sea bream.
pub(in crate::demo) fn monaka(c: &mut Canvas) {
    c.ground(0xd3e0e2, Pattern::Waves);
    for (x, y, turn, base) in [(212.0, 264.0, 8.0, 0xe3b678), (186.0, 150.0, -10.0, 0xd69a52)] {
        c.at(x, y, turn, |c| {
            c.shadow(6.0, 14.0, 136.0, 62.0);
            let wafer = c.dome(base);
            let line = hex(mix(base, 0x4a2a10, 0.45));
            let fish = "M-140 4C-128 -34 -76 -66 -14 -62C26 -60 58 -40 78 -16C92 -30 116 -48 142 -46C134 -24 130 -12 130 2C130 18 136 34 146 52C118 52 94 38 78 22C54 48 18 64 -20 62C-80 60 -126 36 -140 4Z";
            c.path("M-40 -58C-20 -84 30 -88 54 -72C46 -58 40 -46 34 -40Z", &hex(mix(base, 0x4a2a10, 0.16)));
            c.path(fish, &wafer);
            c.line(fish, &hex(mix(base, 0xffffff, 0.35)), 3.0);
            c.line("M-84 -46C-62 -20 -62 22 -86 46", &line, 3.0);
            c.ellipse(-106.0, -8.0, 9.0, 9.0, &hex(mix(base, 0xffffff, 0.5)));
            c.ellipse(-106.0, -8.0, 4.2, 4.2, &line);
            c.line("M-138 8C-128 16 -118 16 -110 12", &line, 2.6);
            for (row, count) in [(0u8, 5u8), (1, 6), (2, 5)] {
                for i in 0..count {
                    let (sx, sy) = (-46.0 + 22.0 * f32::from(i) + f32::from(row % 2) * -10.0, -28.0 + 26.0 * f32::from(row));
                    c.line(&format!("M{sx} {sy}a12 12 0 0 0 0 22"), &line, 2.4);
                }
            }
            c.path("M-52 22C-30 20 -14 32 -10 48C-30 52 -48 42 -52 22Z", &hex(mix(base, 0x4a2a10, 0.2)));
            c.line("M88 -8L128 -34M92 4H122M88 14L130 40", &line, 2.4);
        });
    }
}

fn star(c: &mut Canvas, x: f32, y: f32, r: f32, colour: u32, turn: f32) {
    c.at(x, y, turn, |c| {
        let sugar = c.dome(colour);
        for knob in 0..7u8 {
            let angle = f32::from(knob) * std::f32::consts::TAU / 7.0;
            c.ellipse(
                (angle.cos() * r * 0.66).round(),
                (angle.sin() * r * 0.66).round(),
                r * 0.36,
                r * 0.36,
                &hex(mix(colour, 0x6a5a7a, 0.1)),
            );
        }
        c.ellipse(0.0, 0.0, r * 0.76, r * 0.76, &sugar);
    });
}
