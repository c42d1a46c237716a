//! Drawings of ceramics.

use super::{Canvas, Pattern, hex, mix};

/// A tea cup with indigo brush strokes.
pub(in crate::demo) fn yunomi(c: &mut Canvas) {
    c.scene(0xd9dfe3, Pattern::Waves);
    c.shadow(206.0, 322.0, 92.0, 16.0);
    let glaze = c.round(0xf3efe6);
    let body = "M122 128C122 220 130 290 150 314C166 328 234 328 250 314C270 290 278 220 278 128Z";
    c.path(body, &glaze);
    let indigo = hex(0x2b4a7d);
    c.clip(body, |c| {
        c.line("M112 168C160 184 240 184 290 168", &indigo, 7.0);
        c.line("M112 180C160 196 240 196 290 180", &indigo, 2.0);
        for (x, turn) in [(150.0, -8.0), (182.0, 4.0), (216.0, -4.0), (250.0, 8.0)] {
            c.at(x, 206.0, turn, |c| {
                c.path("M0 0C9 22 8 58 1 84C-8 58 -9 22 0 0Z", &indigo);
                c.veil("M0 4C4 24 3 52 0 74C-3 52 -4 24 0 4Z", 0x6f8fc2, 0.55);
            });
        }
        c.line("M124 300C160 312 240 312 276 300", &indigo, 3.0);
    });
    let rim = c.fade(mix(0xf3efe6, 0x8d7f68, 0.28), 0xfdfbf5);
    c.ellipse(200.0, 128.0, 78.0, 18.0, &hex(0xfbf8f0));
    c.ellipse(200.0, 129.5, 72.0, 14.5, &rim);
    c.ellipse(200.0, 134.0, 63.0, 10.0, &hex(0x8fa04a));
    c.veil("M160 132C176 126 200 125 214 127C196 130 176 132 160 132Z", 0xffffff, 0.4);
    steam(c, 200.0, 104.0);
}

/// A rice bowl, full.
pub(in crate::demo) fn rice_bowl(c: &mut Canvas) {
    c.scene(0xe3dccb, Pattern::Rings);
    c.shadow(204.0, 322.0, 104.0, 16.0);
    let rice = c.dome(0xfaf7ef);
    c.path("M104 194C112 130 156 112 200 112C244 112 288 130 296 194Z", &rice);
    for (x, y, turn) in [
        (150.0, 158.0, 30.0),
        (172.0, 140.0, -20.0),
        (196.0, 130.0, 60.0),
        (220.0, 146.0, 10.0),
        (244.0, 160.0, -40.0),
        (184.0, 166.0, 80.0),
        (214.0, 172.0, -15.0),
        (266.0, 178.0, 25.0),
        (134.0, 178.0, -35.0),
    ] {
        c.at(x, y, turn, |c| c.ellipse(0.0, 0.0, 8.0, 3.4, &hex(0xe6dfcd)));
    }
    c.ellipse(200.0, 124.0, 13.0, 11.0, &hex(0xb8433f));
    c.veil("M192 121C194 116 200 115 204 116C200 118 196 121 192 121Z", 0xffffff, 0.5);
    let glaze = c.round(0x93a39a);
    let bowl = "M82 190C84 262 128 306 168 312H232C272 306 316 262 318 190C280 206 120 206 82 190Z";
    c.path(bowl, &glaze);
    c.clip(bowl, |c| {
        c.veil("M60 250C120 238 150 268 200 256C250 244 290 266 340 244V340H60Z", 0x6b5a45, 0.5);
        c.veil("M60 270C130 262 150 286 206 276C256 266 290 282 340 268V340H60Z", 0x4d3b2a, 0.45);
    });
    let foot = c.round(0x7c6a54);
    c.path("M164 310H236L230 326H170Z", &foot);
    c.line("M82 190C120 207 280 207 318 190", &hex(0xc9d2c9), 4.0);
}

/// A plate from above, with a blossom branch.
pub(in crate::demo) fn plate(c: &mut Canvas) {
    c.ground(0xc9b79c, Pattern::Feathers);
    c.shadow(206.0, 212.0, 146.0, 144.0);
    let rim = c.dome(0xf1eadc);
    c.ellipse(200.0, 200.0, 145.0, 145.0, &rim);
    let well = c.fade(0xe0d6c3, 0xfbf7ec);
    c.ellipse(200.0, 200.0, 112.0, 112.0, &well);
    let inner = c.dome(0xf4eee1);
    c.ellipse(200.0, 202.0, 106.0, 106.0, &inner);
    let branch = hex(0x5b4636);
    c.line("M126 262C158 236 176 226 204 188C216 170 236 152 268 144", &branch, 5.0);
    c.line("M178 222C196 228 214 226 232 214", &branch, 3.5);
    c.line("M206 184C204 168 208 154 216 140", &branch, 3.0);
    for (x, y, size) in
        [(236.0, 212.0, 1.0), (216.0, 138.0, 0.9), (268.0, 142.0, 1.15), (178.0, 222.0, 0.85), (232.0, 164.0, 0.8)]
    {
        blossom(c, x, y, size, 0xc9656b);
    }
    for (x, y) in [(148.0, 244.0), (250.0, 150.0), (204.0, 188.0)] {
        c.ellipse(x, y, 5.0, 5.0, &hex(0xd98b8d));
    }
    for (x, y) in [(96.0, 178.0), (140.0, 90.0), (286.0, 286.0), (304.0, 214.0), (168.0, 312.0)] {
        c.ellipse(x, y, 2.2, 1.8, &hex(0xb7a283));
    }
}

/// A sake flask and its cup.
pub(in crate::demo) fn tokkuri(c: &mut Canvas) {
    c.scene(0xd8cabb, Pattern::Hemp);
    c.shadow(170.0, 322.0, 78.0, 14.0);
    c.shadow(288.0, 330.0, 46.0, 9.0);
    let clay = c.round(0x8a4f35);
    let body = "M146 84C148 112 152 128 140 152C110 186 98 222 104 268C108 298 126 318 146 322H194\
                C214 318 232 298 236 268C242 222 230 186 200 152C188 128 192 112 194 84Z";
    c.path(body, &clay);
    c.clip(body, |c| {
        c.veil("M90 176C130 160 168 214 206 188C224 176 240 190 256 182V120H90Z", 0x3d2317, 0.42);
        c.veil("M90 246C120 226 150 262 182 246C206 236 226 252 250 240V262C220 276 200 258 178 268C150 280 120 250 90 266Z", 0xd98a4f, 0.5);
        c.veil("M122 200C116 230 118 262 126 290C112 262 108 226 122 200Z", 0xffffff, 0.24);
    });
    c.ellipse(170.0, 84.0, 26.0, 8.0, &hex(0xa9684a));
    c.ellipse(170.0, 85.0, 20.0, 5.5, &hex(0x3a2015));
    let cup = c.round(0x96583b);
    c.path("M248 272C250 302 258 322 270 328H306C318 322 326 302 328 272Z", &cup);
    c.ellipse(288.0, 272.0, 40.0, 11.0, &hex(0xb27452));
    c.ellipse(288.0, 273.5, 35.0, 8.5, &hex(0x54301f));
    c.ellipse(288.0, 276.0, 30.0, 6.0, &hex(0xe8dfc4));
}

/// An earthen pot, its lid and its steam.
pub(in crate::demo) fn donabe(c: &mut Canvas) {
    c.scene(0xe2d3bd, Pattern::Plain);
    c.shadow(200.0, 324.0, 142.0, 17.0);
    let pot = c.round(0x4a4038);
    for d in ["M58 226C34 226 30 252 62 252Z", "M342 226C366 226 370 252 338 252Z"] {
        c.path(d, &hex(0x3a312a));
    }
    c.path("M52 214H348C348 268 310 316 270 324H130C90 316 52 268 52 214Z", &pot);
    c.line("M60 240C110 252 290 252 340 240", &hex(0x6b5d50), 2.0);
    let lid = c.round(0xd8c3a0);
    c.path("M60 210C66 160 128 128 200 128C272 128 334 160 340 210C300 222 100 222 60 210Z", &lid);
    c.clip("M60 210C66 160 128 128 200 128C272 128 334 160 340 210C300 222 100 222 60 210Z", |c| {
        for (i, colour) in [0x7a5a3c, 0x9c7950, 0x7a5a3c].into_iter().enumerate() {
            let y = 176.0 + 14.0 * i as f32;
            c.line(&format!("M40 {y}C120 {} 280 {} 360 {y}", y + 14.0, y + 14.0), &hex(colour), 4.5 - i as f32);
        }
    });
    let knob = c.round(0xc9b08a);
    c.path("M170 112H230L220 132H180Z", &knob);
    c.ellipse(200.0, 112.0, 30.0, 8.0, &hex(0xe6d6b8));
    c.ellipse(262.0, 152.0, 4.0, 2.6, &hex(0x4a3524));
    c.line("M44 214H356", &hex(0x2f2721), 6.0);
    c.line("M44 212H356", &hex(0x7a6c5e), 1.6);
    steam(c, 262.0, 132.0);
}

/// A white vase with one branch.
pub(in crate::demo) fn bud_vase(c: &mut Canvas) {
    c.scene(0xcfd8cf, Pattern::Rings);
    c.shadow(204.0, 324.0, 70.0, 13.0);
    let wood = hex(0x6a5140);
    c.line("M200 176C196 140 210 112 234 84C246 68 262 56 284 48", &wood, 4.5);
    c.line("M212 116C196 100 176 90 150 88", &wood, 3.5);
    c.line("M238 80C240 64 236 50 230 38", &wood, 3.0);
    for (x, y, turn) in [(160.0, 82.0, -60.0), (182.0, 86.0, -20.0), (222.0, 108.0, 70.0), (256.0, 58.0, 10.0)] {
        c.at(x, y, turn, |c| {
            c.path("M0 0C10 -8 22 -8 30 0C22 8 10 8 0 0Z", &hex(0x6f8a58));
            c.line("M2 0H26", &hex(0x8ea676), 1.4);
        });
    }
    for (x, y, size) in [(150.0, 88.0, 1.2), (230.0, 38.0, 1.0), (284.0, 48.0, 1.25), (240.0, 78.0, 0.9)] {
        blossom(c, x, y, size, 0xe9eef0);
    }
    let white = c.round(0xf4f5f1);
    c.path(
        "M186 168C188 196 184 208 168 226C142 252 138 290 158 314C166 324 234 324 242 314C262 290 258 252 232 226\
         C216 208 212 196 214 168Z",
        &white,
    );
    c.ellipse(200.0, 168.0, 14.0, 4.5, &hex(0xffffff));
    c.ellipse(200.0, 168.6, 10.5, 3.0, &hex(0x8a938c));
    c.veil("M166 246C154 264 154 288 164 304C150 286 150 262 166 246Z", 0xffffff, 0.9);
    c.line("M150 270C176 280 224 280 250 270", &hex(0x9fb4c4), 2.0);
    c.line("M149 277C176 287 224 287 251 277", &hex(0xb9c8d3), 1.2);
}

/// A five-petalled blossom.
pub(super) fn blossom(c: &mut Canvas, x: f32, y: f32, size: f32, colour: u32) {
    let (petal, vein) = (hex(colour), mix(colour, 0xffffff, 0.45));
    for turn in 0..5u8 {
        c.at(x, y, f32::from(turn) * 72.0, |c| {
            let (s, t) = (9.0 * size, 15.0 * size);
            c.path(&format!("M0 0C{s} -{q} {s} -{t} 0 -{t}C-{s} -{t} -{s} -{q} 0 0Z", q = 4.0 * size), &petal);
            c.veil(&format!("M0 -{q}C{r} -{s} {r} -{t} 0 -{t}Z", q = 2.0 * size, r = 4.0 * size), vein, 0.6);
        });
    }
    c.ellipse(x, y, 3.6 * size, 3.6 * size, &hex(0xe6b94c));
}

/// Three wisps of steam.
pub(super) fn steam(c: &mut Canvas, x: f32, y: f32) {
    for (dx, height) in [(-24.0, 40.0), (0.0, 58.0), (24.0, 40.0)] {
        let (x, top, mid) = (x + dx, y - height, y - height / 2.0);
        c.veil(
            &format!(
                "M{x} {y}C{} {mid} {} {mid} {x} {top}C{} {mid} {} {mid} {x} {y}Z",
                x - 14.0,
                x + 12.0,
                x + 18.0,
                x - 6.0
            ),
            0xffffff,
            0.7,
        );
    }
}
