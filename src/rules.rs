//! One leak pattern per file: a rule is a query on the program and its heap, and a page that explains it.
//!
//! To add one: its page `rules/<name>.md`, its file `src/rules/<name>.rs`, and its two lines here (`mod` and [`ALL`]).

mod closure_holds_large_local;
mod finalizer_holds_itself;
mod finalizer_in_cycle;
mod finalizer_resurrects;
mod frame_cycle;
mod gc_defeated;
mod growing_default_argument;
mod method_cache;
mod resource_in_cycle;
mod stored_exception;
mod suspended_frame_holds_large_local;
mod unbounded_class_container;
mod unbounded_function_cache;
mod unbounded_global_container;
mod unbounded_queue;
mod unbounded_singleton_container;
mod unclosed_file;
mod view_holds_base;
mod weak_key_reachable;

mod caches;
mod growing;

use std::sync::LazyLock;

use rayon::prelude::*;

use crate::catalog::{self, RuleMeta};
use crate::config::TargetVersion;
use crate::finding::Finding;
use crate::heap::growth::{Growth, ProgramKind};
use crate::heap::reach::ObjectGraphs;
use crate::link::Program;
use crate::resources::{self, program::Lost};

/// A leak pattern.
pub trait Rule: Sync {
    /// The page of `rules/`, embedded.
    fn page(&self) -> &'static str;

    /// Reports what it finds.
    fn check(&self, cx: &Context<'_>, out: &mut Sink);
}

/// All rules, by code.
pub const ALL: &[&dyn Rule] = &[
    &unbounded_global_container::UnboundedGlobalContainer,
    &unbounded_class_container::UnboundedClassContainer,
    &unbounded_singleton_container::UnboundedSingletonContainer,
    &growing_default_argument::GrowingDefaultArgument,
    &unbounded_function_cache::UnboundedFunctionCache,
    &method_cache::MethodCache,
    &unbounded_queue::UnboundedQueue,
    &unclosed_file::UnclosedFile,
    &finalizer_in_cycle::FinalizerInCycle,
    &finalizer_resurrects::FinalizerResurrects,
    &finalizer_holds_itself::FinalizerHoldsItself,
    &weak_key_reachable::WeakKeyReachable,
    &gc_defeated::GcDefeated,
    &resource_in_cycle::ResourceInCycle,
    &closure_holds_large_local::ClosureHoldsLargeLocal,
    &suspended_frame_holds_large_local::SuspendedFrameHoldsLargeLocal,
    &stored_exception::StoredException,
    &frame_cycle::FrameCycle,
    &view_holds_base::ViewHoldsBase,
];

static METAS: LazyLock<Vec<RuleMeta>> = LazyLock::new(|| {
    ALL.iter()
        .map(|it| catalog::parse(it.page()).expect("a test parses every page"))
        .collect()
});

/// What the pages say, in the order of [`ALL`].
#[must_use]
pub fn metas() -> &'static [RuleMeta] {
    &METAS
}

/// What rules are asked about.
#[derive(Debug)]
pub struct Context<'a> {
    /// The program.
    pub program: &'a Program<'a>,
    /// What kind of program it is.
    pub kind: ProgramKind,
    /// The Python that it is for.
    pub target: TargetVersion,
    /// From how many bytes on an object is large.
    pub large: u64,
    /// Containers that only grow.
    pub growths: Vec<Growth>,
    /// What functions do among the objects they are given.
    pub objects: ObjectGraphs,
    /// Resources that get lost in the function that opens them.
    pub lost: Vec<Lost>,
}

impl<'a> Context<'a> {
    /// Asks the heap what several rules need.
    #[must_use]
    pub fn new(
        program: &'a Program<'a>,
        kind: ProgramKind,
        target: TargetVersion,
        large: u64,
    ) -> Self {
        let places = program.places_with_effects();
        let growths = places
            .par_iter()
            .filter(|&&key| program.is_rooted(key))
            .filter_map(|&key| program.growth(key, kind))
            .collect();
        Self {
            program,
            kind,
            target,
            large,
            growths,
            objects: program.object_graphs(),
            lost: resources::program::lost(program, (3, target.minor.into())),
        }
    }
}

/// Where a rule puts its findings.
#[derive(Debug)]
pub struct Sink {
    meta: &'static RuleMeta,
    findings: Vec<Finding>,
}

impl Sink {
    /// The rule's page.
    #[must_use]
    pub fn meta(&self) -> &'static RuleMeta {
        self.meta
    }

    /// Takes a finding.
    pub fn report(&mut self, finding: Finding) {
        self.findings.push(finding);
    }
}

/// Runs the rules for which `wanted` says so.
#[must_use]
pub fn run(cx: &Context<'_>, wanted: impl Fn(&RuleMeta) -> bool + Sync) -> Vec<Finding> {
    ALL.par_iter()
        .zip(metas())
        .filter(|(_, meta)| wanted(meta))
        .map(|(rule, meta)| {
            let mut sink = Sink {
                meta,
                findings: Vec::new(),
            };
            rule.check(cx, &mut sink);
            sink.findings
        })
        .flatten()
        .collect()
}
