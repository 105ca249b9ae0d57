//! The few shapes that a picture is made of.

use std::fmt::Write;

/// In light and in dark; what shows a picture takes one or the other.
const STYLE: &str = "\
text{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;\
font-size:13px;fill:#1f2328}
.bold{font-weight:bold}
.muted{fill:#59636e;font-size:11px}
.plus{fill:#116329}
.minus{fill:#a40e26}
.page{fill:#ffffff;stroke:#d1d9e0}
.band{fill:#f6f8fa}
.box{fill:#ddf4ff;stroke:#0969da;stroke-width:1.5}
.end{fill:#eff2f5;stroke:#59636e;stroke-width:1.5}
.rail{stroke:#d1d9e0;stroke-width:1.5}
.way{stroke:#0969da;stroke-width:2;fill:none}
.dot{fill:#0969da}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}
.muted{fill:#9198a1}
.plus{fill:#7ee787}
.minus{fill:#ffa198}
.page{fill:#0d1117;stroke:#3d444d}
.band{fill:#151b23}
.box{fill:#121d2f;stroke:#4493f8}
.end{fill:#212830;stroke:#9198a1}
.rail{stroke:#3d444d}
.way{stroke:#4493f8}
.dot{fill:#4493f8}
}";

#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
}

/// A picture in the making. Coordinates are whole pixels, from the upper left.
#[derive(Default)]
pub struct Svg {
    body: String,
}

impl Svg {
    fn add(&mut self, shape: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{shape}");
    }

    pub fn text(&mut self, x: i32, y: i32, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
        };
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        self.add(format_args!(
            "<text x=\"{x}\" y=\"{y}\" class=\"{class}\" text-anchor=\"{anchor}\">{text}</text>"
        ));
    }

    pub fn rect(&mut self, x: i32, y: i32, width: i32, height: i32, class: &str) {
        let radius = if class == "band" { 0 } else { 6 };
        self.add(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{radius}\" \
             class=\"{class}\"/>"
        ));
    }

    pub fn dot(&mut self, x: i32, y: i32, radius: i32) {
        self.add(format_args!("<circle cx=\"{x}\" cy=\"{y}\" r=\"{radius}\" class=\"dot\"/>"));
    }

    pub fn line(&mut self, from: (i32, i32), to: (i32, i32), class: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.add(format_args!(
            "<line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" class=\"{class}\"/>"
        ));
    }

    /// A line to the right that ends in an arrow's head.
    pub fn arrow(&mut self, from: i32, to: i32, y: i32) {
        self.line((from, y), (to - 8, y), "way");
        let (back, above, below) = (to - 10, y - 5, y + 5);
        self.add(format_args!("<path d=\"M{to},{y}L{back},{above}V{below}Z\" class=\"dot\"/>"));
    }

    /// An arrow that comes back to where it began.
    pub fn turn(&mut self, x: i32, y: i32) {
        let (above, below, right) = (y - 7, y + 7, x + 26);
        self.add(format_args!(
            "<path d=\"M{x},{above}C{right},{above} {right},{below} {head},{below}\" \
             class=\"way\"/>",
            head = x + 8
        ));
        let (tip, back) = (x + 1, x + 10);
        let (upper, lower) = (below - 5, below + 5);
        self.add(format_args!(
            "<path d=\"M{tip},{below}L{back},{upper}V{lower}Z\" class=\"dot\"/>"
        ));
        self.dot(x, above, 4);
    }

    /// The whole picture.
    pub fn finish(self, width: i32, height: i32, title: &str) -> String {
        let (inner, tall) = (width - 1, height - 1);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\">\n<title>{title}</title>\n\
             <style>\n{STYLE}\n</style>\n\
             <rect x=\"0.5\" y=\"0.5\" width=\"{inner}\" height=\"{tall}\" rx=\"6\" \
             class=\"page\"/>\n{}</svg>\n",
            self.body
        )
    }
}
