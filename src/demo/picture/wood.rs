//! Drawings of wooden goods.

use super::{Canvas, Pattern, hex, mix};

/// A round tray from above.
pub(in crate::demo) fn tray(c: &mut Canvas) {
    c.ground(0xd3d8d2, Pattern::Rings);
    c.shadow(208.0, 212.0, 150.0, 148.0);
    let rim = c.dome(0x8d5a33);
    c.ellipse(200.0, 200.0, 150.0, 150.0, &rim);
    let face = c.dome(0xb57c48);
    c.ellipse(200.0, 202.0, 132.0, 132.0, &face);
    c.clip("M200 70a132 132 0 1 0 0.1 0Z", |c| {
        for i in 0..9u8 {
            let t = f32::from(i);
            let (top, bend) = (78.0 + 32.0 * t, 14.0 + 3.0 * (t - 4.0).abs());
            c.line(&format!("M40 {top}C120 {} 280 {} 360 {top}", top - bend, top + bend), &hex(0x93602f), 1.8);
            c.line(
                &format!("M40 {}C140 {} 250 {} 360 {}", top + 12.0, top + 20.0, top - 4.0, top + 12.0),
                &hex(0xc9935c),
                1.3,
            );
        }
        for r in [10.0, 18.0, 27.0, 37.0] {
            c.line(
                &format!("M{} 236a{r} {} 0 1 0 {} 0a{r} {} 0 1 0 -{} 0", 236.0 - r, r * 0.5, 2.0 * r, r * 0.5, 2.0 * r),
                &hex(0x93602f),
                1.6,
            );
        }
    });
    c.veil("M92 146C112 106 158 78 204 78C160 88 120 116 92 146Z", 0xffffff, 0.35);
    c.line("M58 252C84 320 152 352 216 346", &hex(0x6b4020), 3.0);
}

/// A pair of chopsticks for two, on their rests.
pub(in crate::demo) fn chopsticks(c: &mut Canvas) {
    c.ground(0xe6dcd0, Pattern::Waves);
    let cloth = c.fade(0x5b7478, 0x49605f);
    c.sheet_shadow(52.0, 82.0, 296.0, 240.0);
    c.rect(52.0, 82.0, 296.0, 240.0, 4.0, &cloth);
    c.line("M62 92H338V312H62Z", &hex(0xdfe5df), 1.4);
    for (y, lacquer, band) in [(150.0, 0x2b2320, 0xd9b25f), (250.0, 0x9b2f2a, 0xf1dfc2)] {
        let rest = c.fade(0xf7f3ea, 0xd9cfbd);
        for (dy, turn) in [(-11.0, -1.6), (11.0, 1.6)] {
            c.at(200.0, y + dy, turn, |c| {
                c.veil("M-150 8L150 4V10L-150 14Z", 0x12100e, 0.3);
                c.path("M-150 -6C-153 -2 -153 2 -150 6L150 2.4V-2.4Z", &hex(lacquer));
                c.veil("M-148 -4L140 -1.6V-0.4L-148 -1.6Z", 0xffffff, 0.4);
                c.path("M-96 -5.2L-84 -5V5L-96 5.2Z", &hex(band));
                c.path("M-78 -5L-74 -5V5L-78 5Z", &hex(band));
            });
        }
        c.veil(&format!("M286 {}H322V{}H286Z", y - 20.0, y + 36.0), 0x12100e, 0.18);
        c.rect(286.0, y - 26.0, 26.0, 52.0, 9.0, &rest);
        for (dy, turn) in [(-11.0, -1.6), (11.0, 1.6)] {
            c.at(200.0, y + dy, turn, |c| c.path("M80 -3.3L150 -2.4V2.4L80 3.3Z", &hex(lacquer)));
        }
    }
}

/// A lunch box of bent cedar.
pub(in crate::demo) fn bento(c: &mut Canvas) {
    c.scene(0xe1dfcf, Pattern::Feathers);
    c.shadow(200.0, 326.0, 140.0, 17.0);
    let side = c.round(0xd2a871);
    c.path("M60 206V288C76 322 140 334 200 334C260 334 324 322 340 288V206Z", &side);
    c.line("M60 270C80 304 140 314 200 314C260 314 320 304 340 270", &hex(0xb58a55), 1.4);
    let lid = c.round(0xddb781);
    c.path("M54 190V232C74 266 140 276 200 276C260 276 326 266 346 232V190Z", &lid);
    c.line("M54 233C74 267 140 277 200 277C260 277 326 267 346 233", &hex(0x8f6a3c), 2.4);
    let face = c.fade(0xf0d6a8, 0xe0bd88);
    c.ellipse(200.0, 190.0, 146.0, 56.0, &face);
    c.clip("M54 190A146 56 0 0 1 346 190A146 56 0 0 1 54 190Z", |c| {
        for i in 0..11u8 {
            let y = 140.0 + 10.0 * f32::from(i);
            c.line(&format!("M40 {y}C140 {} 260 {} 360 {y}", y + 7.0, y - 6.0), &hex(0xcfa66d), 1.3);
        }
    });
    c.line("M56 190A144 54 0 0 0 344 190", &hex(0xf7e6c4), 1.6);
    for (i, y) in [222.0, 232.0, 242.0, 252.0, 262.0].into_iter().enumerate() {
        let w = if i % 2 == 0 { 12.0 } else { 8.0 };
        c.line(&format!("M{} {}h{w}", 196.0 - w / 2.0, y + 6.0), &hex(0x6d3a22), 3.4);
    }
    c.line("M186 222V272", &hex(0xa87c48), 1.6);
}

/// A turned doll.
pub(in crate::demo) fn kokeshi(c: &mut Canvas) {
    c.scene(0xead7cf, Pattern::Rings);
    c.shadow(204.0, 328.0, 70.0, 13.0);
    let wood = c.round(0xe9cb97);
    let body = "M150 196C138 240 140 290 146 318C160 334 240 334 254 318C260 290 262 240 250 196Z";
    c.path(body, &wood);
    c.clip(body, |c| {
        for (y, colour, w) in
            [(208.0, 0xb8362d, 7.0), (219.0, 0x4f7a4d, 4.0), (300.0, 0x4f7a4d, 4.0), (311.0, 0xb8362d, 7.0)]
        {
            c.line(&format!("M130 {y}C160 {} 240 {} 270 {y}", y + 10.0, y + 10.0), &hex(colour), w);
        }
        for (x, y, size) in [(200.0, 254.0, 1.55), (168.0, 280.0, 1.0), (234.0, 280.0, 1.0)] {
            super::ceramics::blossom(c, x, y, size, 0xc23b35);
        }
        c.line("M200 276C198 286 196 294 190 302M176 292C182 296 186 298 190 302", &hex(0x4f7a4d), 2.6);
    });
    let head = c.dome(0xf2d9ab);
    c.ellipse(200.0, 132.0, 70.0, 66.0, &head);
    let hair = hex(0x211c1a);
    c.path("M134 118C136 78 166 60 200 60C234 60 264 78 266 118C250 98 232 88 222 86C214 94 186 94 178 86C168 88 150 98 134 118Z", &hair);
    c.path("M182 66C176 92 188 104 200 104C212 104 224 92 218 66Z", &hair);
    c.path("M132 116C126 134 130 156 140 166C140 148 138 132 132 116ZM268 116C274 134 270 156 260 166C260 148 262 132 268 116Z", &hair);
    c.line("M162 138C170 132 178 132 184 137M216 137C222 132 230 132 238 138", &hair, 3.2);
    c.line("M164 122C170 118 178 118 184 121M216 121C222 118 230 118 236 122", &hair, 2.0);
    c.line("M200 140C198 148 198 152 201 155", &hex(0xb88b5c), 2.0);
    c.path("M192 168C196 165 204 165 208 168C204 173 196 173 192 168Z", &hex(0xb8362d));
    for x in [160.0, 240.0] {
        c.veil(&format!("M{} 158a12 8 0 1 0 24 0a12 8 0 1 0 -24 0Z", x - 12.0), 0xd9655b, 0.35);
    }
    c.path("M190 60C184 46 192 38 200 46C208 38 216 46 210 60Z", &hex(0xb8362d));
}

/// A comb of boxwood.
pub(in crate::demo) fn comb(c: &mut Canvas) {
    c.ground(0xd9d3de, Pattern::Waves);
    c.at(200.0, 200.0, -12.0, |c| {
        c.veil("M-130 40C-130 -36 -68 -78 8 -78C84 -78 146 -36 146 40C146 58 136 80 132 82L90 96H-60L-116 82Z", 0x2b1d12, 0.16);
        let box_wood = c.fade(0xe9c588, 0xc4924d);
        for i in 0..33u8 {
            let x = -124.0 + 7.6 * f32::from(i);
            let drop = 88.0 - (x / 124.0).powi(2) * 26.0;
            c.path(&format!("M{x} 10H{}L{} {drop}L{} {drop}Z", x + 4.8, x + 3.6, x + 1.2), &hex(0xcf9f5b));
        }
        c.path("M-138 26C-138 -50 -76 -92 0 -92C76 -92 138 -50 138 26C138 44 128 66 124 68L114 20H-114L-124 68C-128 66 -138 44 -138 26Z", &box_wood);
        c.line("M-112 18H112", &hex(0xa87838), 1.6);
        c.line("M-126 14C-118 -44 -66 -80 0 -80C66 -80 118 -44 126 14", &hex(0xf3dbab), 2.0);
        c.line("M-70 -8C-30 -26 20 -34 76 -30", &hex(0x7d5526), 2.6);
        c.line("M-6 -29C2 -42 12 -50 26 -54", &hex(0x7d5526), 2.2);
        for (x, y, size) in [(-44.0, -20.0, 1.1), (14.0, -34.0, 1.25), (66.0, -30.0, 1.0), (28.0, -56.0, 0.8)] {
            super::ceramics::blossom(c, x, y, size, 0xb8524b);
        }
    });
}

/// A square measure of cypress, with sake in it.
pub(in crate::demo) fn masu(c: &mut Canvas) {
    c.scene(0xd7dde2, Pattern::Hemp);
    c.shadow(204.0, 328.0, 128.0, 17.0);
    let wood = 0xe2bf86;
    let left = c.fade(mix(wood, 0xffffff, 0.1), mix(wood, 0x6b4320, 0.16));
    let right = c.fade(mix(wood, 0x6b4320, 0.2), mix(wood, 0x6b4320, 0.36));
    c.path("M72 176L200 232V340L72 276Z", &left);
    c.path("M328 176L200 232V340L328 276Z", &right);
    c.path("M200 122L328 176L200 232L72 176Z", &hex(mix(wood, 0xffffff, 0.42)));
    c.path("M200 138L298 177L200 218L102 177Z", &hex(0x9a713d));
    c.path("M200 154L286 182L200 218L114 182Z", &hex(0xf3ead0));
    c.veil("M160 180L200 166L216 172L176 188Z", 0xffffff, 0.7);
    for y in [204.0, 232.0, 260.0] {
        c.line(&format!("M72 {y}L98 {}", y + 11.0), &hex(0xa97c45), 1.8);
        c.line(&format!("M328 {y}L302 {}", y + 11.0), &hex(0x8a6231), 1.8);
    }
    c.line("M98 187V289M302 187V289", &hex(0xa97c45), 1.8);
    for (a, b) in [(210.0, 252.0), (232.0, 276.0), (254.0, 300.0)] {
        c.line(&format!("M106 {a}C136 {} 164 {} 194 {b}", a + 10.0, a + 34.0), &hex(0xcba269), 1.5);
    }
    c.at(248.0, 262.0, -23.0, |c| {
        c.line("M0 -24a24 26 0 1 0 0.1 0", &hex(0x6d3a22), 3.4);
        c.line("M0 -12V14M-12 -2H12M-9 14H9", &hex(0x6d3a22), 3.4);
    });
}
