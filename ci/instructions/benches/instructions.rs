//! `cargo xtask bench`: instructions and allocations, counted by Valgrind, and so the same in every run of one build.

#![allow(missing_docs, unused_qualifications, reason = "the harness writes code of its own")]

use std::hint::black_box;

use gungraun::{Dhat, LibraryBenchmarkConfig, library_benchmark, library_benchmark_group, main};
use lakeside_domain::{
    allocation::OnHand,
    ids::OrderId,
    order::{Catalogue, Fact, OrderState, Submission},
    reservation::{Availability, Line, Request},
};
use lakeside_instructions::{
    decisions,
    functions::{Path, Stream},
};

#[library_benchmark]
#[bench::batch(Path::to_order_ingest())]
fn order_ingest(path: Path) -> Path {
    black_box(path.order_ingest())
}

#[library_benchmark]
#[bench::batch(Path::to_reserve_stock())]
fn reserve_stock(path: Path) -> Path {
    black_box(path.reserve_stock())
}

#[library_benchmark]
#[bench::batch(Path::to_start_fulfilment())]
fn start_fulfilment(path: Path) -> Path {
    black_box(path.start_fulfilment())
}

#[library_benchmark]
#[bench::batch(Path::to_capture_payment())]
fn capture_payment(path: Path) -> Path {
    black_box(path.capture_payment())
}

#[library_benchmark]
#[bench::batch(Path::to_allocate())]
fn allocate(path: Path) -> Path {
    black_box(path.allocate())
}

#[library_benchmark]
#[bench::batch(Path::to_advance_order())]
fn advance_order(path: Path) -> Path {
    black_box(path.advance_order())
}

#[library_benchmark]
#[bench::batch(Path::to_order_status())]
fn order_status(path: Path) -> Path {
    black_box(path.order_status())
}

#[library_benchmark]
#[bench::batch(Stream::to_publish_outbox())]
fn publish_outbox(stream: Stream) -> Stream {
    black_box(stream.publish_outbox())
}

#[library_benchmark]
#[bench::order_of_three_lines(decisions::to_place())]
fn place(order: Option<(Submission, Catalogue)>) -> impl Sized {
    let decided = order.as_ref().map(|order| black_box(decisions::decide_order(order)));
    (order, decided)
}

#[library_benchmark]
#[bench::ten_orders_and_eight_pools(decisions::to_reserve())]
fn plan(orders: (Vec<Request>, Availability)) -> impl Sized {
    let decided = black_box(decisions::decide_reservations(&orders));
    (orders, decided)
}

#[library_benchmark]
#[bench::three_lines_at_four_nodes(decisions::to_allocate())]
fn choose_nodes(order: (OrderId, Vec<Line>, OnHand)) -> impl Sized {
    let decided = black_box(decisions::decide_allocation(&order));
    (order, decided)
}

#[library_benchmark]
#[bench::one_fact(decisions::to_advance())]
fn advance(fact: (OrderState, Fact)) -> impl Sized {
    let decided = black_box(decisions::decide_state(&fact));
    (fact, decided)
}

library_benchmark_group!(
    name = functions,
    benchmarks = [
        order_ingest,
        reserve_stock,
        start_fulfilment,
        capture_payment,
        allocate,
        advance_order,
        order_status,
        publish_outbox
    ]
);

library_benchmark_group!(name = decisions_of_the_domain, benchmarks = [place, plan, choose_nodes, advance]);

main!(
    config = LibraryBenchmarkConfig::default().tool(Dhat::default()),
    library_benchmark_groups = [functions, decisions_of_the_domain]
);
