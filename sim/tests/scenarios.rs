//! Every scenario over a few seeds, and every plant found: the part of a sweep that an ordinary `cargo test` can afford.

use seawall_sim::plants::Plant;
use seawall_sim::scenario::{ALL, Judgement, Report, Scenario, Settings, find};

const SEEDS: std::ops::Range<u64> = 0..8;
/// A plant has to be found within so many seeds.
const SEEDS_FOR_PLANTS: std::ops::Range<u64> = 0..500;

fn run(scenario: &Scenario, seed: u64, plant: Option<Plant>) -> Report {
    (scenario.run)(Settings { seed, plant })
}

#[test]
fn every_scenario_passes() {
    for scenario in ALL {
        for seed in SEEDS {
            let report = run(scenario, seed, None);
            assert_eq!(report.judgement, Judgement::Passed, "{report}");
        }
    }
}

#[test]
fn a_seed_repeats_its_run() {
    for scenario in ALL {
        let (one, other) = (run(scenario, 4711, None), run(scenario, 4711, None));
        assert_eq!((one.trace_hash, one.trace_entries), (other.trace_hash, other.trace_entries), "{one}");
        assert_eq!(one.history, other.history, "{one}");
    }
}

#[test]
fn every_fault_of_the_nemesis_is_met() {
    let reports: Vec<Report> = SEEDS.map(|seed| run(&ALL[0], seed, None)).collect();
    for fault in seawall_sim::nemesis::Fault::ALL {
        let name = format!("fault {fault:?}").to_lowercase();
        let met: u64 = reports.iter().filter_map(|report| report.coverage.get(&name)).sum();
        assert!(met > 0, "no run met '{name}'");
    }
}

#[test]
fn every_plant_is_found() {
    for plant in Plant::ALL {
        let scenario = find(plant.scenario()).expect("plants name scenarios that exist");
        let found =
            SEEDS_FOR_PLANTS.into_iter().find_map(|seed| match run(scenario, seed, Some(plant)).judgement {
                Judgement::Failed(why) => Some(why),
                _ => None,
            });
        let why = found.unwrap_or_else(|| panic!("{} stays hidden", plant.name()));
        let reasons = [
            "Not linearizable",
            "lost",
            "has ended",
            "half a transaction",
            "a deadline",
            "what cannot be there",
            "WAIT counts",
            "both write history",
            "again and again",
            "holds other data",
            "is said to reach",
        ];
        let known = reasons.iter().any(|reason| why.contains(reason));
        assert!(known, "{} was found for another reason: {why}", plant.name());
    }
}
