//! The guide.

use super::*;

impl GuidePage {
    fn sample(k: Kind) -> Self {
        let link = |href: &str, text: &str| GuideLink::new(href, k.text(text));
        Self {
            shell: k.shell(Section::Elsewhere, "Channels", "/guide/channels"),
            first: k == Kind::Empty,
            title: k.text("Channels"),
            html: "<p>How people are reached.</p>\n<h2 id=\"sms\">SMS</h2>\n<pre tabindex=\"0\"><code>A=1</code></pre>"
                .into(),
            contents: k.list(vec![link("#sms", "SMS")]),
            pages: k.list(vec![link("/guide", "Guide"), link("/guide/channels", "Channels")]),
            previous: k.maybe(link("/guide", "Guide")),
            next: k.maybe(link("/guide/sources", "Sources")),
        }
    }
}

pub(super) fn pages(kind: Kind) -> Vec<Drawn> {
    let hit = (
        GuideLink::new("/guide/channels#sms", kind.text("Channels: SMS")),
        kind.text("a text of 160"),
    );
    let found = GuideFound {
        shell: kind.shell(Section::Elsewhere, "Search the guide", "/guide?q=sms"),
        words: kind.text("sms"),
        found: kind.list(vec![hit]),
    };
    vec![draw("guide", &GuidePage::sample(kind)), draw("guide-found", &found)]
}
