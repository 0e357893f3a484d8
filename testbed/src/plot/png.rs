//! Images of plots, for papers and mails: in the light scheme, in a font that they bring.

use std::sync::Arc;

use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{self, Options, Tree, fontdb};

use super::{Plot, svg};

/// A machine that measures clocks need not have fonts, and images should not differ by it.
const FONT: &[u8] = include_bytes!("font/DejaVuSans-subset.ttf");
/// The name of that font.
const FAMILY: &str = "DejaVu Sans";
/// Pixels of the image for each of the drawing.
const SCALE: f32 = 2.0;

/// Why a drawing gives no image.
#[derive(Debug, thiserror::Error)]
pub enum PngError {
    /// The drawing is not understood.
    #[error("the drawing is not understood: {0}")]
    Drawing(#[from] usvg::Error),
    /// The image is too large.
    #[error("the image does not fit into memory")]
    Size,
    /// It could not be encoded.
    #[error("the image cannot be encoded: {0}")]
    Encoding(String),
}

/// A plot as the bytes of a PNG file.
///
/// # Errors
/// None is known for a plot; they are those of the library that draws.
pub fn image(plot: &Plot) -> Result<Vec<u8>, PngError> {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(FONT.to_vec());
    fonts.set_sans_serif_family(FAMILY);
    let options =
        Options { fontdb: Arc::new(fonts), font_family: FAMILY.to_owned(), ..Options::default() };
    let tree = Tree::from_str(&svg::document(plot), &options)?;
    let [width, height] =
        [tree.size().width(), tree.size().height()].map(|length| (length * SCALE).ceil() as u32);
    let mut pixmap = Pixmap::new(width, height).ok_or(PngError::Size)?;
    resvg::render(&tree, Transform::from_scale(SCALE, SCALE), &mut pixmap.as_mut());
    pixmap.encode_png().map_err(|error| PngError::Encoding(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Colour, Quantity, Shape};
    use super::*;

    fn rendered(plot: &Plot) -> Pixmap {
        Pixmap::decode_png(&image(plot).unwrap()).unwrap()
    }

    fn pixels(pixmap: &Pixmap, wanted: impl Fn([u8; 3]) -> bool) -> usize {
        let rgb = |p: &resvg::tiny_skia::PremultipliedColorU8| [p.red(), p.green(), p.blue()];
        pixmap.pixels().iter().filter(|pixel| wanted(rgb(pixel))).count()
    }

    #[test]
    fn an_image_is_light_and_has_the_texts_and_the_marks() {
        let axis = |label| Axis::linear(label, Quantity::Number).within([0.0, 1.0]);
        let empty = Plot::new("test", "", axis(""), axis(""));
        let titled = Plot { title: "A title".to_owned(), ..empty.clone() };
        let dark = |plot: &Plot| pixels(&rendered(plot), |[r, g, b]| r.max(g).max(b) < 0x40);
        assert!(pixels(&rendered(&empty), |rgb| rgb == [255; 3]) > 700_000);
        assert!(dark(&titled) > dark(&empty) + 200, "the title is not to be seen");

        // The first colour of the light scheme.
        let blue = |plot: &Plot| pixels(&rendered(plot), |rgb| rgb == [0x00, 0x66, 0xb3]);
        let line = Shape::Line(vec![[0.0, 0.5], [1.0, 0.5]]);
        assert_eq!(blue(&empty), 0);
        assert!(blue(&empty.clone().with("", Colour::Series(0), line)) > 1000);
        let dot = Shape::ErrorBars(vec![[0.5, 0.5, 0.5, 0.5]]);
        assert!(blue(&empty.with("", Colour::Series(0), dot)) > 50, "dots are not to be seen");
    }
}
