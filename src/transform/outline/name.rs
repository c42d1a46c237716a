//! Tag names as numbers, and the sets of them that the standard speaks of.

/// A tag name in lower case: up to eight bytes as they are, longer ones hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::transform) struct Name(u64);

impl Name {
    /// The name with this spelling, in whichever case.
    pub(in crate::transform) const fn of(mut bytes: &[u8]) -> Self {
        let long = bytes.len() > 8;
        let mut value: u64 = if long { 0xCBF2_9CE4_8422_2325 } else { 0 };
        while let Some((byte, rest)) = bytes.split_first() {
            let byte = byte.to_ascii_lowercase() as u64;
            value = if long { (value ^ byte).wrapping_mul(0x0100_0000_01B3) } else { value << 8 | byte };
            bytes = rest;
        }
        Self(if long { value | 1 << 63 } else { value })
    }
}

macro_rules! names {
    ($($constant:ident)*) => { $(pub(in crate::transform) const $constant: Name = Name::of(stringify!($constant).as_bytes());)* };
}

names! {
    A ADDRESS APPLET AREA ARTICLE ASIDE B BASE BASEFONT BGSOUND BIG BLOCKQUOTE BODY BR BUTTON CAPTION CENTER CODE COL COLGROUP
    DD DESC DETAILS DIALOG DIR DIV DL DT EM EMBED FIELDSET FIGCAPTION FIGURE FONT FOOTER FORM FRAME FRAMESET FOREIGNOBJECT
    H1 H2 H3 H4 H5 H6 HEAD HEADER HGROUP HR HTML I IFRAME IMAGE IMG INPUT KEYGEN LI LINK LISTING MAIN MALIGNMARK MARQUEE
    MATH MENU META MGLYPH MI MN MO MS MTEXT NAV NOBR NOEMBED NOFRAMES NOSCRIPT OBJECT OL OPTGROUP OPTION P PARAM PLAINTEXT
    PRE RB RP RT RTC RUBY S SCRIPT SEARCH SECTION SELECT SMALL SOURCE SPAN STRIKE STRONG STYLE SUB SUMMARY SUP SVG TABLE
    TBODY TD TEMPLATE TEXTAREA TFOOT TH THEAD TITLE TR TRACK TT U UL VAR WBR XMP
}
pub(super) const ANNOTATION_XML: Name = Name::of(b"annotation-xml");

impl Name {
    pub(super) fn is_heading(self) -> bool {
        matches!(self, H1 | H2 | H3 | H4 | H5 | H6)
    }

    /// What adoption agency works on.
    pub(super) fn is_formatting(self) -> bool {
        matches!(self, A | B | BIG | CODE | EM | FONT | I | NOBR | S | SMALL | STRIKE | STRONG | TT | U)
    }

    /// Blocks whose start tag ends a paragraph and does nothing else.
    pub(super) fn is_block(self) -> bool {
        matches!(
            self,
            ADDRESS
                | ARTICLE
                | ASIDE
                | BLOCKQUOTE
                | CENTER
                | DETAILS
                | DIALOG
                | DIR
                | DIV
                | DL
                | FIELDSET
                | FIGCAPTION
                | FIGURE
                | FOOTER
                | HEADER
                | HGROUP
                | MAIN
                | MENU
                | NAV
                | OL
                | P
                | SEARCH
                | SECTION
                | SUMMARY
                | UL
        )
    }

    /// Elements that one of the cell, row or body tags makes fosterlings of.
    pub(super) fn is_table_part(self) -> bool {
        matches!(self, TABLE | TBODY | TFOOT | THEAD | TR)
    }

    /// Elements whose end tag may be left out at the end of what is around them.
    pub(super) fn is_implied_end(self) -> bool {
        matches!(self, DD | DT | LI | OPTION | OPTGROUP | P | RB | RP | RT | RTC)
    }

    pub(super) fn is_thorough_implied_end(self) -> bool {
        self.is_implied_end() || matches!(self, CAPTION | COLGROUP | TBODY | TD | TFOOT | TH | THEAD | TR)
    }

    /// HTML elements that end a scope.
    pub(super) fn is_scope(self) -> bool {
        matches!(self, APPLET | CAPTION | HTML | TABLE | TD | TH | MARQUEE | OBJECT | SELECT | TEMPLATE)
    }

    /// Start tags that end svg and math.
    pub(super) fn breaks_out(self) -> bool {
        self.is_heading()
            || (self.is_formatting() && !matches!(self, A | FONT))
            || matches!(
                self,
                BLOCKQUOTE
                    | BODY
                    | BR
                    | CENTER
                    | DD
                    | DIV
                    | DL
                    | DT
                    | EMBED
                    | HEAD
                    | HR
                    | IMG
                    | LI
                    | LISTING
                    | MENU
                    | META
                    | OL
                    | P
                    | PRE
                    | RUBY
                    | SPAN
                    | SUB
                    | SUP
                    | TABLE
                    | UL
                    | VAR
            )
    }

    /// The elements that the standard calls special.
    pub(super) fn is_special(self) -> bool {
        (self.is_block() && !matches!(self, DIALOG | SEARCH))
            || self.is_heading()
            || self.is_table_part()
            || matches!(
                self,
                APPLET
                    | AREA
                    | BASE
                    | BASEFONT
                    | BGSOUND
                    | BODY
                    | BR
                    | BUTTON
                    | CAPTION
                    | COL
                    | COLGROUP
                    | DD
                    | DT
                    | EMBED
                    | FORM
                    | FRAME
                    | FRAMESET
                    | HEAD
                    | HR
                    | HTML
                    | IFRAME
                    | IMG
                    | INPUT
                    | LI
                    | LINK
                    | LISTING
                    | MARQUEE
                    | META
                    | NOEMBED
                    | NOFRAMES
                    | NOSCRIPT
                    | OBJECT
                    | PARAM
                    | PLAINTEXT
                    | PRE
                    | SCRIPT
                    | SELECT
                    | SOURCE
                    | STYLE
                    | TD
                    | TEMPLATE
                    | TEXTAREA
                    | TH
                    | TITLE
                    | TRACK
                    | WBR
                    | XMP
            )
    }
}
