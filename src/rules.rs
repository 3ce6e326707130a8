//! One leak pattern per file: a rule is a query on the program and its heap, and a page that explains it.
//!
//! To add one: its page `rules/<name>.md`, its file `src/rules/<name>.rs`, and its two lines here (`mod` and [`ALL`]).

mod accumulated_graph;
mod blanket_suppression;
mod callback_never_removed;
mod closure_holds_large_local;
mod context_var_per_call;
mod copied_by_workers;
mod expired_suppression;
mod finalizer_holds_itself;
mod finalizer_in_cycle;
mod finalizer_resurrects;
mod frame_cycle;
mod gc_defeated;
mod growing_default_argument;
mod handler_per_call;
mod large_global;
mod lost_task;
mod malformed_suppression;
mod method_cache;
mod notebook_output;
mod raw_descriptor;
mod rebound_resource;
mod resource_in_cycle;
mod resource_without_owner;
mod stored_exception;
mod suppression_without_reason;
mod suspended_frame_holds_large_local;
mod thread_pins_object;
mod unbounded_class_container;
mod unbounded_function_cache;
mod unbounded_global_container;
mod unbounded_queue;
mod unbounded_singleton_container;
mod unclosed_client;
mod unclosed_database;
mod unclosed_executor;
mod unclosed_figure;
mod unclosed_file;
mod unclosed_on_error;
mod unclosed_socket;
mod undeleted_temporary;
mod unfreed_native_memory;
mod unreaped_process;
mod unused_suppression;
mod view_holds_base;
mod weak_key_reachable;

mod buses;
mod caches;
mod commenting;
mod growing;
mod lasting;
mod losing;
mod native_handles;
mod recorders;
mod registering;
mod shortlived;
mod tied;

pub use commenting::Comments;

use std::sync::LazyLock;

use rayon::prelude::*;
use rustc_hash::FxHashSet;

use crate::catalog::{self, RuleMeta};
use crate::config::TargetVersion;
use crate::facts::model::ValueKind;
use crate::finding::Finding;
use crate::heap::growth::{Growth, ProgramKind};
use crate::heap::objects::Objects;
use crate::link::{FuncRef, PlaceKey, Program};
use crate::resources::classes::OwnClasses;
use crate::resources::fields::Field;
use crate::resources::fields::collected::Collected;
use crate::resources::{self, program::Lost};

/// A leak pattern.
pub trait Rule: Sync {
    /// The page of `rules/`, embedded.
    fn page(&self) -> &'static str;

    /// Reports what it finds in the program.
    fn check(&self, _cx: &Context<'_>, _out: &mut Sink) {}

    /// Reports what it finds in the comments of a file, once it is known what they silence.
    fn check_comments(&self, _comments: &Comments<'_>, _out: &mut Sink) {}
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
    &large_global::LargeGlobal,
    &unclosed_file::UnclosedFile,
    &unclosed_socket::UnclosedSocket,
    &unclosed_database::UnclosedDatabase,
    &unreaped_process::UnreapedProcess,
    &undeleted_temporary::UndeletedTemporary,
    &unclosed_executor::UnclosedExecutor,
    &unclosed_client::UnclosedClient,
    &unclosed_on_error::UnclosedOnError,
    &resource_without_owner::ResourceWithoutOwner,
    &rebound_resource::ReboundResource,
    &raw_descriptor::RawDescriptor,
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
    &callback_never_removed::CallbackNeverRemoved,
    &handler_per_call::HandlerPerCall,
    &lost_task::LostTask,
    &thread_pins_object::ThreadPinsObject,
    &context_var_per_call::ContextVarPerCall,
    &unclosed_figure::UnclosedFigure,
    &accumulated_graph::AccumulatedGraph,
    &unfreed_native_memory::UnfreedNativeMemory,
    &copied_by_workers::CopiedByWorkers,
    &notebook_output::NotebookOutput,
    &unused_suppression::UnusedSuppression,
    &malformed_suppression::MalformedSuppression,
    &suppression_without_reason::SuppressionWithoutReason,
    &expired_suppression::ExpiredSuppression,
    &blanket_suppression::BlanketSuppression,
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
    /// Who holds whom among the objects of each function.
    pub objects: Objects,
    /// Resources that get lost in the function that opens them.
    pub lost: Vec<Lost>,
    /// Functions that open something and are too large to follow.
    pub too_large: Vec<FuncRef>,
    /// Resources kept on attributes.
    pub fields: Vec<Field>,
    /// Attributes that collect resources which no code gives back.
    pub collected: Vec<Collected>,
    /// Classes of the program whose instances are resources.
    pub own: OwnClasses,
    /// Names that modules list in `__all__`.
    pub exports: FxHashSet<&'a str>,
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
        let version = (3, target.minor.into());
        let places = program.places_with_effects();
        let growths = places
            .par_iter()
            // Who holds an object, and how long it may last, are the long questions: asked of what grows.
            .filter(|&&key| matches!(key, PlaceKey::Instance(..)) || program.is_rooted(key))
            .filter_map(|&key| program.growth(key, kind))
            .filter(|it| {
                let key = it.container.key;
                program.is_rooted(key)
                    || it.shows_a_life() && program.may_last(key)
                    || it.grows_in_service(program).is_some()
            })
            .filter(|it| it.outlives_calls(program))
            .collect();
        let objects = Objects::of(program);
        let (fields, own) = resources::fields::fields(program, version);
        let (lost, too_large) = resources::program::lost(program, &own, version);
        Self {
            program,
            kind,
            target,
            large,
            growths,
            objects,
            lost,
            too_large,
            fields,
            collected: resources::fields::collected::collected(program, version),
            own,
            exports: exports(program),
        }
    }
}

fn exports<'a>(program: &'a Program<'a>) -> FxHashSet<&'a str> {
    let mut names = FxHashSet::default();
    let Some(all) = program.sym("__all__") else {
        return names;
    };
    for (file, it) in program.files.iter().enumerate() {
        let facts = &it.facts;
        let Some(&var) = it.globals.get(&all) else {
            continue;
        };
        for def in &facts.defs[facts.vars[var].defs.range()] {
            let Some(value) = def.value else { continue };
            if let ValueKind::List(rows) | ValueKind::Tuple(rows) = facts.values[value].kind {
                for &it in program.list(file as u32, rows) {
                    if let ValueKind::Str {
                        text: Some(text), ..
                    } = facts.values[it].kind
                    {
                        names.insert(program.name(file as u32, text));
                    }
                }
            }
        }
    }
    names
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

/// Runs the rules about comments for which `wanted` says so, on one file.
#[must_use]
pub fn run_on_comments(
    comments: &Comments<'_>,
    wanted: impl Fn(&RuleMeta) -> bool,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (rule, meta) in ALL.iter().zip(metas()).filter(|(_, meta)| wanted(meta)) {
        let mut sink = Sink { meta, findings };
        rule.check_comments(comments, &mut sink);
        findings = sink.findings;
    }
    findings
}
