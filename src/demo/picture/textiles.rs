//! Drawings of cloth.

use super::{Canvas, Pattern, hex, mix};

/// A cotton towel with waves, hung from a bar.
pub(in crate::demo) fn tenugui(c: &mut Canvas) {
    c.ground(0xe7ded0, Pattern::Plain);
    c.sheet_shadow(112.0, 62.0, 176.0, 266.0);
    let cloth = "M112 62H288V330C270 338 254 326 238 332C222 338 206 326 190 332C172 338 156 326 140 332C130 336 120 334 112 330Z";
    let indigo = c.fade(0x2d4f7c, 0x213d66);
    c.path(cloth, &indigo);
    if let Some(waves) = c.tile(Pattern::Waves, 0xe9eef4) {
        c.path(cloth, &waves);
    }
    for x in [150.0, 206.0, 262.0] {
        c.veil(
            &format!(
                "M{x} 66C{} 150 {} 250 {x} 330L{} 330C{} 250 {} 150 {} 66Z",
                x + 8.0,
                x - 6.0,
                x + 16.0,
                x + 8.0,
                x + 24.0,
                x + 12.0
            ),
            0x0d1c33,
            0.22,
        );
    }
    c.veil("M112 62H288V84H112Z", 0xffffff, 0.14);
    let bar = c.fade(0xc79a62, 0x8a6236);
    c.rect(78.0, 50.0, 244.0, 15.0, 7.5, &bar);
    c.line("M92 57H308", &hex(0xe3bf8d), 2.0);
    c.line("M98 50C130 30 270 30 302 50", &hex(0x8d7a63), 2.0);
    c.ellipse(200.0, 34.0, 4.0, 4.0, &hex(0x6b5a46));
}

/// A wrapping cloth tied around a box.
pub(in crate::demo) fn furoshiki(c: &mut Canvas) {
    c.scene(0xead9d0, Pattern::Plain);
    c.shadow(200.0, 324.0, 124.0, 16.0);
    let bundle = "M82 300C72 250 92 196 146 178C176 168 224 168 254 178C308 196 328 250 318 300C314 322 286 328 200 328C114 328 86 322 82 300Z";
    let cloth = c.round(0xa23b45);
    c.path(bundle, &cloth);
    if let Some(hemp) = c.tile(Pattern::Hemp, 0xe9b7b2) {
        c.path(bundle, &hemp);
    }
    c.clip(bundle, |c| {
        c.veil("M200 168C150 210 110 270 96 340H60V160Z", 0x3d0c14, 0.16);
        c.veil("M196 172C182 220 150 290 120 330C160 300 190 250 204 180Z", 0x3d0c14, 0.28);
        c.veil("M204 172C222 220 254 290 286 330C244 300 214 250 200 180Z", 0x3d0c14, 0.28);
        c.veil("M150 190C122 206 104 236 100 268C92 230 112 196 150 190Z", 0xffffff, 0.28);
    });
    let ear = c.fade(0xb54a52, 0x8c2d38);
    c.path("M196 172C170 150 128 122 98 124C92 142 126 180 190 190Z", &ear);
    c.path("M204 172C230 150 272 116 306 112C312 132 276 178 210 190Z", &ear);
    c.line("M106 130C140 142 170 160 192 178M298 120C264 134 232 158 210 178", &hex(0x7a2430), 2.0);
    let knot = c.dome(0xab404a);
    c.path("M172 180C172 158 228 158 228 180C230 202 170 202 172 180Z", &knot);
    c.line("M184 166C180 176 182 188 188 194M214 166C219 176 218 188 212 194", &hex(0x7a2430), 2.0);
}

/// The curtain at a shop's door.
pub(in crate::demo) fn noren(c: &mut Canvas) {
    c.ground(0xe5dccb, Pattern::Hemp);
    c.sheet_shadow(58.0, 74.0, 290.0, 236.0);
    for (i, x) in [56.0, 154.0, 252.0].into_iter().enumerate() {
        let sway = [6.0, -4.0, 8.0].get(i).copied().unwrap_or_default();
        let panel = format!(
            "M{x} 74H{}C{} 160 {} 230 {} 312C{} 320 {} 306 {} 314C{} 230 {} 160 {x} 74Z",
            x + 92.0,
            x + 92.0,
            x + 90.0 + sway,
            x + 92.0 + sway,
            x + 66.0,
            x + 34.0,
            x + 1.0 + sway,
            x + sway,
            x - 1.0
        );
        let cloth = c.round(0x27466f);
        c.path(&panel, &cloth);
        c.veil(
            &format!(
                "M{} 80C{} 170 {} 240 {} 310L{} 310C{} 240 {} 170 {} 80Z",
                x + 30.0,
                x + 38.0,
                x + 24.0,
                x + 32.0,
                x + 44.0,
                x + 40.0,
                x + 52.0,
                x + 42.0
            ),
            0x0c1a30,
            0.25,
        );
        c.rect(x + 10.0, 58.0, 20.0, 24.0, 3.0, &hex(0x203b60));
        c.rect(x + 62.0, 58.0, 20.0, 24.0, 3.0, &hex(0x203b60));
    }
    let white = hex(0xf4efe4);
    c.line("M200 140a54 54 0 1 0 0.1 0", &white, 9.0);
    c.path("M200 158C220 176 224 204 200 228C176 204 180 176 200 158Z", &white);
    c.path("M162 188C178 186 192 200 196 226C176 222 162 208 162 188Z", &white);
    c.path("M238 188C222 186 208 200 204 226C224 222 238 208 238 188Z", &white);
    let bar = c.fade(0xb98a55, 0x7b5630);
    c.rect(30.0, 62.0, 340.0, 13.0, 6.5, &bar);
    c.line("M42 67H358", &hex(0xdcb683), 2.0);
}

/// A floor cushion with white stitching.
pub(in crate::demo) fn zabuton(c: &mut Canvas) {
    c.scene(0xdde0dc, Pattern::Plain);
    c.shadow(200.0, 318.0, 150.0, 20.0);
    let side = c.round(0x37506b);
    c.path("M52 250C60 296 110 326 200 326C290 326 340 296 348 250Z", &side);
    let top = c.dome(0x466486);
    let face = "M46 246C66 204 120 172 200 170C280 172 334 204 354 246C340 284 280 302 200 302C120 302 60 284 46 246Z";
    c.path(face, &top);
    let thread = hex(0xe8ecef);
    c.clip(face, |c| {
        for i in 0..9u8 {
            let y = 178.0 + 15.0 * f32::from(i);
            for j in 0..16u8 {
                let x = 40.0 + 22.0 * f32::from(j) + if i % 2 == 0 { 0.0 } else { 11.0 };
                c.line(&format!("M{x} {y}h9M{} {}v6", x + 15.0, y - 10.0), &thread, 1.9);
            }
        }
    });
    c.line("M46 246C60 284 120 302 200 302C280 302 340 284 354 246", &hex(0x2a3f57), 2.4);
    for (x, y, turn) in [(46.0, 246.0, 70.0), (354.0, 246.0, -70.0)] {
        c.at(x, y, turn, |c| c.line("M0 0L-9 22M0 0L-3 25M0 0L4 25M0 0L10 22", &hex(0xd7c9a8), 2.6));
    }
    c.ellipse(200.0, 232.0, 7.0, 4.5, &hex(0x2a3f57));
    c.line("M200 232l-12 -9M200 232l12 -9M200 232l-12 9M200 232l12 9", &hex(0xd7c9a8), 2.4);
}

/// Split-toe socks.
pub(in crate::demo) fn tabi(c: &mut Canvas) {
    c.ground(0xe9e0d4, Pattern::Waves);
    for (x, y, turn, base, dots) in [(150.0, 196.0, -6.0, 0x8a3d4c, 0xf1d9cf), (262.0, 214.0, 8.0, 0x44607a, 0xe3ebf0)]
    {
        c.at(x, y, turn, |c| {
            let sock = "M-38 -140H38V10C44 40 62 84 56 118C52 142 30 146 24 126C20 112 20 100 16 92C12 104 10 146 -16 148C-44 148 -48 110 -44 78C-42 48 -38 30 -38 10Z";
            c.at(8.0, 10.0, 0.0, |c| c.veil(sock, 0x2b1d12, 0.18));
            let knit = c.round(base);
            c.path(sock, &knit);
            c.clip(sock, |c| {
                for i in 0..10u8 {
                    for j in 0..6u8 {
                        let dx = -50.0 + 20.0 * f32::from(j) + if i % 2 == 0 { 0.0 } else { 10.0 };
                        c.ellipse(dx, -84.0 + 24.0 * f32::from(i), 3.4, 3.4, &hex(dots));
                    }
                }
                c.rect(-60.0, -140.0, 120.0, 34.0, 0.0, &hex(mix(base, 0x000000, 0.22)));
                for i in 0..12u8 {
                    let dx = -38.0 + 7.0 * f32::from(i);
                    c.line(&format!("M{dx} -140V-106"), &hex(mix(base, 0xffffff, 0.16)), 1.6);
                }
                c.veil("M-60 104C-20 92 30 92 70 104V160H-60Z", mix(base, 0x000000, 0.5), 0.55);
            });
        });
    }
}

/// Three folded kitchen cloths.
pub(in crate::demo) fn fukin(c: &mut Canvas) {
    c.scene(0xdce3e4, Pattern::Rings);
    c.shadow(200.0, 326.0, 126.0, 15.0);
    for (i, colour) in [0xd9a441, 0x7f9fae, 0xe9e4d8].into_iter().enumerate() {
        let y = 286.0 - 44.0 * i as f32;
        let inset = 6.0 * i as f32;
        let cloth = c.fade(mix(colour, 0xffffff, 0.3), colour);
        let (l, r) = (84.0 + inset, 316.0 - inset);
        c.path(
            &format!(
                "M{l} {}C{} {} {} {} {l} {}H{}C{r} {} {r} {} {} {}Z",
                y - 6.0,
                l - 16.0,
                y - 6.0,
                l - 16.0,
                y + 38.0,
                y + 38.0,
                r - 4.0,
                y + 38.0,
                y - 6.0,
                r - 4.0,
                y - 6.0
            ),
            &cloth,
        );
        c.line(&format!("M{l} {}H{r}M{l} {}H{r}", y + 8.0, y + 24.0), &hex(mix(colour, 0x2b1d12, 0.22)), 1.6);
        c.line(
            &format!("M{} {}C{} {} {} {} {} {}", l + 2.0, y - 4.0, l - 9.0, y, l - 9.0, y + 30.0, l + 2.0, y + 36.0),
            &hex(mix(colour, 0xffffff, 0.5)),
            2.0,
        );
    }
    let top = "M100 194C130 150 270 150 300 194Z";
    let cloth = c.fade(0xf7f4ec, 0xe4decf);
    c.path(top, &cloth);
    c.clip(top, |c| {
        for i in 0..16u8 {
            let x = 96.0 + 14.0 * f32::from(i);
            c.line(&format!("M{x} 150V200"), &hex(0xcdbfa6), 1.0);
        }
        for i in 0..5u8 {
            let y = 156.0 + 9.0 * f32::from(i);
            c.line(&format!("M90 {y}H310"), &hex(0xcdbfa6), 1.0);
        }
    });
    let band = c.round(0xb23a32);
    c.path("M176 161H224V326H176Z", &band);
    c.ellipse(200.0, 246.0, 15.0, 15.0, &hex(0xf3ece0));
    c.line("M193 246H207M200 239V253", &hex(0xb23a32), 3.0);
}
