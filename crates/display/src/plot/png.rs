//! Charts as pixels, drawn from their SVG.

use plusminus::{Answer, Error, Result};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

/// Pixels for each unit of the SVG, so that text is sharp.
const SCALE: f32 = 2.0;

/// Charts of every estimate of an answer as a PNG file; see [`svg`](super::svg()).
///
/// # Errors
/// [`Error::Invalid`] when the answer has no number to draw, [`Error::Data`] on a machine without fonts.
pub fn png(answer: &Answer) -> Result<Vec<u8>> {
    let page = super::svg(answer)?;
    let mut options = Options::default();
    options.fontdb_mut().load_system_fonts();
    if options.fontdb.is_empty() {
        return Err(failed("there are no fonts on this machine"));
    }
    if !options.fontdb.faces().any(|face| face.families.iter().any(|(name, _)| name == "Arial")) {
        let first = options.fontdb.faces().next().and_then(|face| face.families.first()).map(|(name, _)| name.clone());
        let sans = options.fontdb.faces().flat_map(|face| face.families.iter()).find(|(name, _)| name.contains("Sans"));
        if let Some(name) = sans.map(|(name, _)| name.clone()).or(first) {
            options.fontdb_mut().set_sans_serif_family(name);
        }
    }
    let tree = Tree::from_str(&page, &options).map_err(failed)?;
    let size = tree.size().to_int_size().scale_by(SCALE).ok_or_else(|| failed("it is too large"))?;
    let mut pixels = Pixmap::new(size.width(), size.height()).ok_or_else(|| failed("it is too large"))?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixels.as_mut());
    pixels.encode_png().map_err(failed)
}

fn failed(why: impl std::fmt::Display) -> Error {
    Error::Data { what: format!("the plot cannot be drawn as PNG: {why}"), next: "-o plot.svg".to_owned() }
}
