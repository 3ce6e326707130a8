//! How long the layout of a large drawing takes, and that twice the objects take about twice the time.
//!
//! `cargo bench --bench layout`; it fails where 20,000 objects take 100 ms or where the growth is far from linear.

use std::hint::black_box;
use std::time::{Duration, Instant};

use heaplint::draw::layout::{Measure, layout};
use heaplint::heap::view::HeapView;
use heaplint::heap::view::changes::{FORM, Outline};

const MEASURE: Measure = Measure {
    letter: 6.2,
    gap: 44.0,
    below: 16.0,
    between: 10.0,
};

/// Objects that hold each other at random, one in eight a root.
fn heap(count: usize) -> HeapView {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    let name = |at: usize| format!("object {at}");
    let roots = count / 8;
    let mut holds: Vec<(String, String, String)> = (roots..count)
        .map(|at| (name(random(at)), "x".to_owned(), name(at)))
        .collect();
    holds
        .extend((0..count / 2).map(|_| (name(random(count)), "y".to_owned(), name(random(count)))));
    HeapView::of_outline(&Outline {
        heaplint_heap: FORM,
        roots: (0..roots).map(name).collect(),
        growing: Vec::new(),
        holds,
    })
}

fn time(count: usize) -> Duration {
    let view = heap(count);
    let sizes: Vec<(f64, f64)> = (0..view.nodes.len())
        .map(|it| (60.0 + (it * 37 % 200) as f64, 40.0))
        .collect();
    let run = || {
        let start = Instant::now();
        black_box(layout(black_box(&view), &sizes, |_, _| 5, MEASURE));
        start.elapsed()
    };
    (0..7).map(|_| run()).min().expect("several runs")
}

fn main() {
    let (one, two) = (time(20_000), time(40_000));
    let ratio = two.as_secs_f64() / one.as_secs_f64();
    println!("layout of 20,000 objects: {one:.1?}; of 40,000: {two:.1?}, {ratio:.2} times that");
    assert!(
        one < Duration::from_millis(100),
        "20,000 objects take {one:?}"
    );
    assert!(
        ratio < 4.0,
        "twice the objects take {ratio:.1} times as long"
    );
}
