//! What HTML says of elements: which are empty, which may be left open, and which end which.

/// Elements that have no content and no end tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements in which `<` is no markup.
pub(super) fn is_raw_text(name: &str) -> bool {
    matches!(name, "script" | "style" | "textarea" | "title" | "xmp" | "iframe" | "noembed" | "noframes")
}

/// Elements that may be left open.
pub(super) fn end_tag_is_optional(name: &str) -> bool {
    matches!(
        name,
        "p" | "li"
            | "dt"
            | "dd"
            | "option"
            | "optgroup"
            | "tr"
            | "td"
            | "th"
            | "thead"
            | "tbody"
            | "tfoot"
            | "rt"
            | "rp"
    )
}

/// Whether an open element ends where another one starts.
pub(super) fn is_closed_by(open: &str, start: &str) -> bool {
    match open {
        "p" => matches!(
            start,
            "address"
                | "article"
                | "aside"
                | "blockquote"
                | "center"
                | "dd"
                | "details"
                | "dialog"
                | "dir"
                | "div"
                | "dl"
                | "dt"
                | "fieldset"
                | "figcaption"
                | "figure"
                | "footer"
                | "form"
                | "h1"
                | "h2"
                | "h3"
                | "h4"
                | "h5"
                | "h6"
                | "header"
                | "hgroup"
                | "hr"
                | "li"
                | "listing"
                | "main"
                | "menu"
                | "nav"
                | "ol"
                | "p"
                | "pre"
                | "search"
                | "section"
                | "summary"
                | "table"
                | "ul"
        ),
        "li" => start == "li",
        "dt" | "dd" => matches!(start, "dt" | "dd"),
        "option" => matches!(start, "option" | "optgroup" | "hr"),
        "optgroup" => matches!(start, "optgroup" | "hr"),
        "tr" => matches!(start, "tr" | "tbody" | "tfoot" | "thead"),
        "td" | "th" => matches!(start, "td" | "th" | "tr" | "tbody" | "tfoot" | "thead"),
        "thead" | "tbody" | "tfoot" => matches!(start, "tbody" | "tfoot" | "thead"),
        "rt" | "rp" => matches!(start, "rt" | "rp"),
        _ => false,
    }
}

/// Elements beyond which a start tag closes nothing: the standard's "special" ones, but for `address`, `div` and `p`.
pub(super) fn bounds_implied_ends(name: &str) -> bool {
    matches!(
        name,
        "article"
            | "aside"
            | "blockquote"
            | "button"
            | "caption"
            | "center"
            | "colgroup"
            | "dd"
            | "details"
            | "dir"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "header"
            | "hgroup"
            | "li"
            | "listing"
            | "main"
            | "marquee"
            | "math"
            | "menu"
            | "nav"
            | "object"
            | "ol"
            | "pre"
            | "search"
            | "section"
            | "select"
            | "summary"
            | "svg"
            | "table"
            | "tbody"
            | "td"
            | "template"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
    )
}

/// Headings: one ends where another one starts.
pub(super) fn is_heading(name: &str) -> bool {
    matches!(name, "h1" | "h2" | "h3" | "h4" | "h5" | "h6")
}

/// Elements that end `<svg>` or `<math>` for a browser when they stand in it (HTML §13.2.6.5).
pub(super) fn breaks_out(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "b",
        "big",
        "blockquote",
        "br",
        "center",
        "code",
        "dd",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "font",
        "hr",
        "i",
        "img",
        "li",
        "listing",
        "menu",
        "meta",
        "nobr",
        "ol",
        "p",
        "pre",
        "ruby",
        "s",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "table",
        "tt",
        "u",
        "ul",
        "var",
    ];
    is_heading(name) || NAMES.contains(&name)
}

/// Elements of SVG and MathML in which HTML may stand.
pub(super) fn takes_html(name: &str) -> bool {
    matches!(name, "foreignobject" | "desc" | "title" | "annotation-xml" | "mi" | "mo" | "mn" | "ms" | "mtext")
}
