//! The page, compiled into the binary: nothing of it comes from a network.

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page by its path, with its type.
pub fn asset(path: &str) -> Option<(&'static str, &'static str)> {
    Some(match path {
        "/" => ("text/html; charset=utf-8", include_str!("assets/index.html")),
        "/assets/console.css" => ("text/css; charset=utf-8", include_str!("assets/console.css")),
        "/assets/icon.svg" => ("image/svg+xml", include_str!("assets/icon.svg")),
        "/assets/main.js" => (SCRIPT, include_str!("assets/main.js")),
        "/assets/elements.js" => (SCRIPT, include_str!("assets/elements.js")),
        "/assets/server.js" => (SCRIPT, include_str!("assets/server.js")),
        "/assets/overview.js" => (SCRIPT, include_str!("assets/overview.js")),
        "/assets/queues.js" => (SCRIPT, include_str!("assets/queues.js")),
        "/assets/order.js" => (SCRIPT, include_str!("assets/order.js")),
        "/assets/saga.js" => (SCRIPT, include_str!("assets/saga.js")),
        "/assets/letters.js" => (SCRIPT, include_str!("assets/letters.js")),
        "/assets/stock.js" => (SCRIPT, include_str!("assets/stock.js")),
        "/assets/replays.js" => (SCRIPT, include_str!("assets/replays.js")),
        "/assets/actions.js" => (SCRIPT, include_str!("assets/actions.js")),
        _ => return None,
    })
}
