//! Drawings of tea and what it is made with.

use super::ceramics::steam;
use super::{Canvas, Pattern, hex, mix};

/// A pouch of green tea.
pub(in crate::demo) fn sencha(c: &mut Canvas) {
    c.scene(0xd5dec6, Pattern::Hemp);
    pouch(c, 0x4f6b3a, 0xeef0dc, 0x7d9a4e);
}

/// A pouch of roasted tea.
pub(in crate::demo) fn hojicha(c: &mut Canvas) {
    c.scene(0xe6d5be, Pattern::Feathers);
    pouch(c, 0x7a4a2b, 0xf5ead8, 0xb07a48);
}

/// A tin of powdered tea and a heap beside it.
pub(in crate::demo) fn matcha(c: &mut Canvas) {
    c.scene(0xdfe3cf, Pattern::Rings);
    c.shadow(176.0, 324.0, 84.0, 14.0);
    c.shadow(304.0, 330.0, 62.0, 9.0);
    let tin = c.round(0x2f4632);
    c.path("M100 176V312C112 328 240 328 252 312V176Z", &tin);
    let label = c.round(0xf0ead6);
    c.path("M100 214C130 226 222 226 252 214V282C222 294 130 294 100 282Z", &label);
    c.ellipse(176.0, 254.0, 23.0, 23.0, &hex(0x6d8f3b));
    c.line("M164 256C170 246 182 246 188 256M166 264C172 256 180 256 186 264M176 240V250", &hex(0xf0ead6), 3.0);
    let lid = c.round(0x3c5640);
    c.path("M94 140V172C110 188 242 188 258 172V140Z", &lid);
    c.ellipse(176.0, 140.0, 82.0, 16.0, &hex(0x55725a));
    c.ellipse(176.0, 139.0, 68.0, 11.5, &hex(0x486450));
    let heap = c.dome(0x8fb048);
    c.path("M246 326C262 296 284 272 304 270C326 272 350 300 364 326C336 336 274 336 246 326Z", &heap);
    c.veil("M300 276C284 284 272 302 264 320C276 300 288 286 300 276Z", 0xffffff, 0.3);
    c.at(330.0, 246.0, 38.0, |c| {
        c.rect(-60.0, -4.0, 116.0, 8.0, 4.0, &hex(0xc9a468));
        c.rect(-60.0, -4.0, 116.0, 3.0, 1.5, &hex(0xe2c48e));
        c.line("M-6 -4V4M-2 -4V4", &hex(0x8f6c38), 1.2);
    });
}

/// A teapot with a side handle.
pub(in crate::demo) fn kyusu(c: &mut Canvas) {
    c.scene(0xe5d2c6, Pattern::Waves);
    c.shadow(196.0, 322.0, 112.0, 15.0);
    let clay = c.round(0xa4472f);
    let dark = hex(0x74301f);
    c.path("M270 214C300 196 330 170 352 146C362 140 374 152 368 162C346 192 318 226 286 250Z", &dark);
    c.path("M274 214C302 198 332 172 354 148C360 146 366 150 366 156C338 188 310 214 280 236Z", &hex(0xb55a3e));
    c.path("M112 226C86 214 78 188 62 172C56 166 68 160 76 164C100 176 112 196 130 204Z", &dark);
    c.path("M114 222C92 210 84 186 68 170C72 166 76 168 80 170C100 182 114 200 132 206Z", &hex(0xb55a3e));
    c.path(
        "M100 236C100 198 146 180 196 180C246 180 292 198 292 236C292 286 256 320 224 322H168C136 320 100 286 100 236Z",
        &clay,
    );
    for y in [236.0, 252.0, 268.0] {
        c.line(&format!("M102 {y}C140 {} 252 {} 290 {y}", y + 16.0, y + 16.0), &hex(0x8b3a26), 1.3);
    }
    let lid = c.round(0xb04e35);
    c.path("M132 190C140 168 168 160 196 160C224 160 252 168 260 190C240 200 152 200 132 190Z", &lid);
    let knob = c.dome(0xa4472f);
    c.ellipse(196.0, 152.0, 15.0, 13.0, &knob);
    c.veil("M122 220C114 240 118 268 132 288C110 270 106 238 122 220Z", 0xffffff, 0.25);
    steam(c, 70.0, 150.0);
}

/// A bamboo whisk on its stand.
pub(in crate::demo) fn chasen(c: &mut Canvas) {
    c.scene(0xdfe0d2, Pattern::Plain);
    c.shadow(204.0, 324.0, 76.0, 13.0);
    let handle = c.round(0xd8b878);
    c.path("M172 62H228V170H172Z", &handle);
    c.ellipse(200.0, 62.0, 28.0, 7.0, &hex(0xecd6a4));
    c.ellipse(200.0, 62.5, 20.0, 4.5, &hex(0xa88447));
    c.line("M172 92C186 98 214 98 228 92", &hex(0xa98246), 2.0);
    let tines = c.round(0xe3c98f);
    c.path("M172 168C150 196 132 240 136 286C150 306 250 306 264 286C268 240 250 196 228 168Z", &tines);
    for i in 0..17u8 {
        let t = (f32::from(i) - 8.0) / 8.0;
        let (top, mid, low) = (200.0 + 26.0 * t, 200.0 + 60.0 * t, 200.0 + 63.0 * t);
        c.line(&format!("M{top:.1} 172C{:.1} 200 {mid:.1} 236 {low:.1} 292", 200.0 + 40.0 * t), &hex(0xa9854b), 1.3);
    }
    c.line("M171 160H229", &hex(0x3f3a5c), 5.0);
    c.line("M168 168H232", &hex(0x55507a), 5.0);
    c.line("M165 176H235", &hex(0x3f3a5c), 5.0);
    let stand = c.round(0x5f7f78);
    c.path("M128 274C150 290 250 290 272 274C276 300 262 318 246 324H154C138 318 124 300 128 274Z", &stand);
    c.veil("M138 290C142 304 150 314 160 318C146 312 136 302 138 290Z", 0xffffff, 0.5);
}

/// A tea caddy of cherry bark.
pub(in crate::demo) fn caddy(c: &mut Canvas) {
    c.scene(0xe4d9cd, Pattern::Feathers);
    c.shadow(204.0, 326.0, 88.0, 14.0);
    let bark = c.round(0x6e3423);
    let body = "M120 116V310C134 330 266 330 280 310V116Z";
    c.path(body, &bark);
    c.clip(body, |c| {
        for (x, y, w) in [
            (128.0, 150.0, 44.0),
            (196.0, 164.0, 60.0),
            (140.0, 196.0, 30.0),
            (220.0, 214.0, 50.0),
            (126.0, 236.0, 62.0),
            (206.0, 256.0, 34.0),
            (150.0, 276.0, 48.0),
            (230.0, 290.0, 44.0),
            (176.0, 138.0, 26.0),
            (250.0, 184.0, 26.0),
        ] {
            c.line(&format!("M{x} {y}q{} 5 {w} 0", w / 2.0), &hex(0xa5654a), 2.4);
        }
    });
    let lid = c.round(0x7a3b28);
    c.path("M116 96V186C132 204 268 204 284 186V96Z", &lid);
    c.line("M116 188C132 206 268 206 284 188", &hex(0x35160d), 2.4);
    c.ellipse(200.0, 96.0, 84.0, 18.0, &hex(0x934f38));
    c.ellipse(200.0, 95.0, 73.0, 14.0, &hex(0x84432f));
    for (x, y, w) in [(134.0, 128.0, 40.0), (200.0, 146.0, 54.0), (150.0, 168.0, 34.0), (236.0, 122.0, 34.0)] {
        c.line(&format!("M{x} {y}q{} 5 {w} 0", w / 2.0), &hex(0xb37055), 2.2);
    }
    c.veil("M140 116C136 176 138 250 146 316C130 300 130 160 140 116Z", 0xffffff, 0.16);
}

/// A stand-up pouch with a paper label, leaves in front of it.
fn pouch(c: &mut Canvas, base: u32, paper: u32, leaf: u32) {
    c.shadow(204.0, 324.0, 96.0, 14.0);
    let kraft = c.round(base);
    c.path("M118 104C120 180 108 260 110 310C132 330 268 330 290 310C292 260 280 180 282 104Z", &kraft);
    c.path("M116 72H284L282 108H118Z", &hex(mix(base, 0x000000, 0.18)));
    c.line("M120 84H280", &hex(mix(base, 0xffffff, 0.22)), 1.4);
    c.line("M119 97H281", &hex(mix(base, 0xffffff, 0.22)), 1.4);
    let label = c.fade(mix(paper, 0xffffff, 0.4), paper);
    c.rect(150.0, 136.0, 100.0, 140.0, 3.0, &label);
    c.line("M158 144H242V268H158Z", &hex(leaf), 1.4);
    c.line("M200 162C190 190 190 214 200 244", &hex(leaf), 3.0);
    for (y, turn) in [(170.0, -35.0), (196.0, -145.0), (216.0, -35.0), (234.0, -145.0)] {
        c.at(197.0, y, turn, |c| {
            c.path("M0 0C10 -10 26 -10 36 0C26 10 10 10 0 0Z", &hex(leaf));
            c.line("M4 0H30", &hex(mix(leaf, 0xffffff, 0.4)), 1.2);
        });
    }
    c.veil("M132 118C132 190 122 262 124 312C112 300 120 180 132 118Z", 0xffffff, 0.18);
    for (i, (x, y)) in [(108.0, 334.0), (132.0, 342.0), (286.0, 340.0), (308.0, 330.0), (264.0, 346.0), (92.0, 346.0)]
        .into_iter()
        .enumerate()
    {
        c.at(x, y, 37.0 * i as f32, |c| c.path("M-13 0C-5 -5 6 -5 13 0C5 4 -6 4 -13 0Z", &hex(mix(leaf, base, 0.4))));
    }
}
