//! Drawings of things to write with and on.

use super::{Canvas, Pattern, hex, mix};

/// A notebook bound with thread.
pub(in crate::demo) fn notebook(c: &mut Canvas) {
    c.ground(0xdcd2c2, Pattern::Plain);
    c.at(204.0, 202.0, -7.0, |c| {
        c.sheet_shadow(-104.0, -142.0, 210.0, 284.0);
        c.rect(-100.0, -138.0, 206.0, 280.0, 4.0, &hex(0xf3ecdd));
        c.line("M104 -132V138M101 -130V140", &hex(0xcfc2aa), 1.2);
        let cover = c.fade(0x35596b, 0x27434f);
        c.rect(-104.0, -142.0, 204.0, 280.0, 4.0, &cover);
        if let Some(rings) = c.tile(Pattern::Rings, 0x5f8797) {
            c.rect(-66.0, -142.0, 166.0, 280.0, 0.0, &rings);
        }
        let thread = hex(0xf1e4c6);
        c.line("M-76 -142V138", &thread, 2.4);
        for y in [-112.0, -56.0, 0.0, 56.0, 108.0] {
            c.line(&format!("M-104 {y}H-76"), &thread, 2.4);
        }
        let slip = c.fade(0xfbf7ec, 0xeee5d2);
        c.rect(-42.0, -116.0, 42.0, 150.0, 2.0, &slip);
        c.line("M-37 -111H-5V29H-37Z", &hex(0xb8a888), 1.2);
        c.line(
            "M-21 -92V-70M-31 -81H-11M-30 -56H-12M-21 -60V-36M-30 -44L-12 -34M-29 -16H-13M-21 -22V10M-30 2H-12",
            &hex(0x2d2a26),
            3.0,
        );
    });
}

/// An envelope and its paper.
pub(in crate::demo) fn letter_set(c: &mut Canvas) {
    c.ground(0xd6dfe0, Pattern::Waves);
    c.at(222.0, 176.0, 9.0, |c| {
        c.sheet_shadow(-84.0, -124.0, 168.0, 244.0);
        let paper = c.fade(0xfffdf6, 0xf3ecdc);
        c.rect(-84.0, -124.0, 168.0, 244.0, 2.0, &paper);
        for i in 0..7u8 {
            let x = 60.0 - 20.0 * f32::from(i);
            c.line(&format!("M{x} -100V96"), &hex(0xc9a6a0), 1.1);
        }
        c.line("M50 -92q3 10 0 22t0 24t1 20M30 -92q-3 14 0 28t1 30", &hex(0x4a4440), 2.6);
    });
    c.at(170.0, 252.0, -8.0, |c| {
        c.sheet_shadow(-116.0, -76.0, 232.0, 152.0);
        let back = c.fade(0xf6dfd6, 0xe9c4ba);
        c.rect(-116.0, -76.0, 232.0, 152.0, 4.0, &back);
        c.path("M-116 -72L0 18L116 -72V-76H-116Z", &hex(0xf9eae3));
        c.line("M-114 -74L0 18L114 -74", &hex(0xd3a195), 1.6);
        c.line("M-114 74L-30 -4M114 74L30 -4", &hex(0xdcb0a5), 1.4);
        let seal = c.dome(0xb3352e);
        c.ellipse(0.0, 14.0, 20.0, 20.0, &seal);
        super::ceramics::blossom(c, 0.0, 14.0, 0.8, 0xf3d9d2);
    });
}

/// A brush pen and the stroke it made.
pub(in crate::demo) fn brush(c: &mut Canvas) {
    c.ground(0xe6dfd0, Pattern::Plain);
    c.sheet_shadow(76.0, 52.0, 240.0, 296.0);
    let paper = c.fade(0xfffdf7, 0xf5efe1);
    c.rect(76.0, 52.0, 240.0, 296.0, 2.0, &paper);
    let ink = hex(0x24211f);
    c.path("M196 100C250 96 286 140 280 196C274 258 214 296 160 276C112 258 98 200 124 160C134 146 148 138 158 138C140 156 130 190 140 218C154 258 206 266 236 234C264 204 260 150 226 130C214 122 200 116 196 100Z", &ink);
    c.veil("M150 236C164 252 190 258 212 248C194 254 168 250 150 236Z", 0xffffff, 0.35);
    c.veil("M214 112C240 120 262 142 266 168C254 142 236 126 214 112Z", 0xffffff, 0.18);
    c.rect(256.0, 296.0, 32.0, 32.0, 3.0, &hex(0xb8362d));
    c.line("M263 305H281M272 303V322M264 314H280M264 321H280", &hex(0xfbf3e6), 2.2);
    c.at(262.0, 150.0, 36.0, |c| {
        c.veil("M-2 -118H24V84H-2Z", 0x2b1d12, 0.12);
        let bamboo = c.round(0xc9a765);
        c.rect(-11.0, -128.0, 22.0, 176.0, 4.0, &bamboo);
        for y in [-86.0, -28.0, 26.0] {
            c.line(&format!("M-11 {y}H11"), &hex(0x8a6a33), 2.2);
        }
        c.rect(-12.0, 46.0, 24.0, 18.0, 2.0, &hex(0x2c2623));
        c.path("M-11 64H11C12 84 6 104 0 122C-6 104 -12 84 -11 64Z", &hex(0x3b3430));
        c.line("M0 -128V-140a6 6 0 1 1 0.1 0", &hex(0xb8362d), 3.0);
    });
}

/// Rolls of paper tape, stacked.
pub(in crate::demo) fn washi_tape(c: &mut Canvas) {
    c.scene(0xe9dfd6, Pattern::Plain);
    c.shadow(196.0, 334.0, 112.0, 17.0);
    let tapes = [
        (0x3f6a8a, Pattern::Waves, 204.0),
        (0x6f8f63, Pattern::Feathers, 188.0),
        (0xe0b24a, Pattern::Rings, 200.0),
        (0xc25a52, Pattern::Hemp, 192.0),
        (0x7d6496, Pattern::Feathers, 198.0),
    ];
    for (i, (colour, pattern, x)) in tapes.into_iter().enumerate() {
        let (top, low) = (280.0 - 42.0 * i as f32, 320.0 - 42.0 * i as f32);
        let (left, right) = (x - 96.0, x + 96.0);
        let band = format!("M{left} {top}V{low}A96 26 0 0 0 {right} {low}V{top}Z");
        let roll = c.round(colour);
        c.path(&band, &roll);
        if let Some(tile) = c.tile(pattern, mix(colour, 0xffffff, 0.5)) {
            c.path(&band, &tile);
        }
        c.ellipse(x, top, 96.0, 26.0, &hex(mix(colour, 0xffffff, 0.42)));
        c.line(
            &format!("M{} {top}a80 21 0 1 0 160 0a80 21 0 1 0 -160 0", x - 80.0),
            &hex(mix(colour, 0xffffff, 0.2)),
            1.2,
        );
        c.line(
            &format!("M{} {top}a66 17 0 1 0 132 0a66 17 0 1 0 -132 0", x - 66.0),
            &hex(mix(colour, 0xffffff, 0.2)),
            1.2,
        );
        c.ellipse(x, top, 54.0, 14.0, &hex(0xd9c7a6));
        c.ellipse(x, top + 1.5, 47.0, 11.0, &hex(0x7d6a4e));
    }
    c.path("M292 290C318 306 340 334 372 340L366 374C326 368 304 340 284 318Z", &hex(0x5b86a6));
    c.veil("M292 290C318 306 340 334 372 340L371 346C338 340 314 312 290 297Z", 0xffffff, 0.35);
}

/// A folding fan.
pub(in crate::demo) fn fan(c: &mut Canvas) {
    c.ground(0xd8dcd4, Pattern::Hemp);
    c.at(200.0, 308.0, 0.0, |c| {
        c.veil("M-199 -94A230 230 0 0 1 213 -92L104 -38L10 10L-92 -38Z", 0x2b1d12, 0.16);
        for i in 0..15u8 {
            let turn = -63.0 + 9.0 * f32::from(i);
            c.at(0.0, 0.0, turn, |c| c.rect(-3.5, -150.0, 7.0, 156.0, 3.0, &hex(0xb98d55)));
        }
        let paper = c.fade(0xf3c9a6, 0xd5574b);
        let leaf = "M-205 -104A230 230 0 0 1 205 -104L98 -50A110 110 0 0 0 -98 -50Z";
        c.path(leaf, &paper);
        c.clip(leaf, |c| {
            c.ellipse(70.0, -186.0, 34.0, 34.0, &hex(0xfbeedb));
            c.path(
                "M-230 -60C-170 -130 -120 -170 -70 -130C-40 -106 -10 -150 40 -120C90 -92 150 -120 230 -60V20H-230Z",
                &hex(0x32506b),
            );
            c.path(
                "M-96 -154C-80 -168 -64 -164 -50 -146C-62 -150 -66 -142 -72 -148C-80 -142 -86 -152 -96 -154Z",
                &hex(0xf7f3ea),
            );
            for i in 0..30u8 {
                let turn = -65.0 + 4.5 * f32::from(i);
                c.at(0.0, 0.0, turn, |c| {
                    c.veil(
                        if i % 2 == 0 { "M0 -232L9 -232L4 -108L0 -108Z" } else { "M0 -232L9 -232L4 -108L0 -108" },
                        if i % 2 == 0 { 0x2b1d12 } else { 0xffffff },
                        0.1,
                    );
                });
            }
        });
        c.line("M-205 -104A230 230 0 0 1 205 -104", &hex(0xd9b25f), 3.0);
        for turn in [-63.5, 63.5] {
            c.at(0.0, 0.0, turn, |c| c.rect(-6.0, -232.0, 12.0, 244.0, 5.0, &hex(0x5b3a22)));
        }
        let pin = c.dome(0xd9b25f);
        c.ellipse(0.0, 0.0, 8.0, 8.0, &pin);
        c.line("M0 8C-8 26 6 36 -2 52", &hex(0xb8362d), 2.6);
        c.line("M-2 50L-10 76M-2 50L-4 78M-2 50L3 77M-2 50L9 74", &hex(0xb8362d), 2.6);
    });
}

/// Small envelopes for gifts of money.
pub(in crate::demo) fn pochi(c: &mut Canvas) {
    c.ground(0xeae1d3, Pattern::Feathers);
    for (x, y, turn, base, pattern) in [
        (118.0, 216.0, -16.0, 0x4d7a72, Pattern::Waves),
        (282.0, 216.0, 16.0, 0xd0a23f, Pattern::Rings),
        (200.0, 198.0, 0.0, 0xbf4a44, Pattern::Hemp),
    ] {
        c.at(x, y, turn, |c| {
            c.sheet_shadow(-62.0, -112.0, 124.0, 224.0);
            let paper = c.fade(mix(base, 0xffffff, 0.16), base);
            c.rect(-62.0, -112.0, 124.0, 224.0, 3.0, &paper);
            if let Some(tile) = c.tile(pattern, mix(base, 0xffffff, 0.42)) {
                c.rect(-62.0, -112.0, 124.0, 224.0, 3.0, &tile);
            }
            c.veil("M-62 -112H62V-84H-62Z", 0x000000, 0.14);
            c.rect(-17.0, -62.0, 34.0, 96.0, 2.0, &hex(0xfdf8ec));
            c.line("M0 -46V-36M-9 -36H9M-7 -26H7M0 -30V-12M-9 -12H9M0 -4V16M-8 4H8", &hex(0x2d2a26), 2.6);
            c.line("M-62 60H62M-62 66H62", &hex(0xf3e4c0), 2.2);
            c.line("M0 63C-26 44 -34 82 0 63C26 44 34 82 0 63L-14 92M0 63L14 92", &hex(0xf3e4c0), 3.0);
        });
    }
}
