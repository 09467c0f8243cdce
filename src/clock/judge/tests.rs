use proptest::prelude::*;

use super::*;
use crate::clock::Clock;

const BUILT: UnixSeconds = UnixSeconds(1_000_000_000);
const START: UnixSeconds = UnixSeconds(1_700_000_000);
const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

fn kept(floor: UnixSeconds) -> TimeRecord {
    TimeRecord { floor, leap: None }
}

/// A request, and a commit.
fn see(clock: &Clock) {
    assert!(clock.settled() <= clock.now());
    assert!(clock.record().floor <= clock.now());
}

/// A clock that has been right for an hour.
fn running() -> Clock {
    let clock = Clock::manual_after(UnixSeconds(START.0 - HOUR), TimeRecord::default(), BUILT);
    for _ in 0..6 {
        clock.advance(10 * MINUTE);
        see(&clock);
    }
    clock
}

fn restarted(clock: &Clock, at: UnixSeconds) -> Clock {
    Clock::manual_after(at, clock.record(), BUILT)
}

fn before(moment: UnixSeconds, seconds: u64) -> UnixSeconds {
    UnixSeconds(moment.0 - seconds)
}

#[test]
fn behind_the_newest_time_the_time_stands_still() {
    for back in [1, 4, 6, HOUR, 23 * HOUR, 400 * DAY, START.0] {
        let clock = running();
        clock.set(before(START, back));
        let trouble = match back {
            0..=5 => None,
            _ if START.0 - back < BUILT.0 => Some(ClockTrouble::BeforeBuild),
            _ => Some(ClockTrouble::BehindStore),
        };
        let seen = (clock.now(), clock.settled(), clock.trouble());
        assert_eq!(seen, (START, START, trouble), "{back}");
        assert_eq!(clock.record(), kept(START));
        // A restart detects the trouble as well.
        let again = restarted(&clock, before(START, back));
        assert_eq!((again.now(), again.trouble()), (START, trouble), "{back}");

        // After it is set right, the clock is trusted at once; the elapsed time does not count as a leap.
        clock.advance(3 * DAY);
        clock.set(START.plus(3 * DAY));
        let right = START.plus(3 * DAY);
        assert_eq!((clock.now(), clock.settled(), clock.trouble()), (right, right, None), "{back}");
    }
}

#[test]
fn a_clock_that_was_ahead_is_waited_for() {
    let clock = running();
    clock.set(START.plus(2 * HOUR));
    assert_eq!(clock.now(), START.plus(2 * HOUR));
    clock.set(START);
    assert_eq!(
        (clock.now(), clock.trouble()),
        (START.plus(2 * HOUR), Some(ClockTrouble::BehindStore))
    );
    clock.advance(2 * HOUR + 1);
    assert_eq!((clock.now(), clock.trouble()), (START.plus(2 * HOUR + 1), None));
}

#[test]
fn before_the_build_nothing_is_believed() {
    let clock = Clock::manual_after(UnixSeconds(5), TimeRecord::default(), BUILT);
    assert_eq!((clock.now(), clock.trouble()), (BUILT, Some(ClockTrouble::BeforeBuild)));
    assert_eq!(clock.record(), TimeRecord::default(), "not a time that was seen");
    clock.set(BUILT);
    assert_eq!((clock.now(), clock.trouble(), clock.record()), (BUILT, None, kept(BUILT)));
}

#[test]
fn a_leap_counts_for_reading_and_nothing_ends_by_it() {
    for leap in [DAY + 1, 30 * DAY, 100_000 * DAY] {
        let clock = running();
        clock.set(START.plus(leap));
        let leapt = |passed: u64| START.plus(leap + passed);
        assert_eq!((clock.now(), clock.settled(), clock.trouble()), (leapt(0), START, None));
        for passed in [MINUTE, 5 * MINUTE, 10 * MINUTE - 1] {
            clock.advance(passed - clock.settled().since(START));
            assert_eq!((clock.now(), clock.settled()), (leapt(passed), START.plus(passed)));
            assert_eq!(clock.record().floor, START, "{passed}");
        }
        clock.advance(1);
        let held = leapt(10 * MINUTE);
        assert_eq!((clock.now(), clock.settled(), clock.record()), (held, held, kept(held)));
    }
    // A day is not a leap.
    let clock = running();
    clock.set(START.plus(DAY));
    assert_eq!((clock.now(), clock.settled()), (START.plus(DAY), START.plus(DAY)));
}

#[test]
fn a_leap_that_is_taken_back_leaves_nothing() {
    for held in [0, 1, 10 * MINUTE - 1] {
        let clock = running();
        clock.set(START.plus(400 * DAY));
        see(&clock);
        clock.advance(held);
        see(&clock);
        clock.set(START.plus(held));
        let right = START.plus(held);
        assert_eq!((clock.now(), clock.settled(), clock.trouble()), (right, right, None));
        assert_eq!(clock.record(), kept(right));
        // The next leap has to hold for ten minutes again.
        clock.set(START.plus(400 * DAY));
        see(&clock);
        clock.advance(MINUTE);
        assert_eq!(clock.settled(), right.plus(MINUTE), "{held}");
    }
}

#[test]
fn a_leap_that_leaps_again_begins_again() {
    let clock = running();
    clock.set(START.plus(10 * DAY));
    see(&clock);
    clock.advance(9 * MINUTE);
    clock.set(START.plus(20 * DAY));
    see(&clock);
    clock.advance(9 * MINUTE);
    assert_eq!(clock.settled(), START.plus(18 * MINUTE));
    // A time server makes a small correction.
    clock.set(UnixSeconds(clock.now().0 - 30));
    clock.advance(MINUTE);
    assert_eq!(clock.settled(), clock.now());
}

#[test]
fn small_steps_do_not_make_a_leap_unseen() {
    let clock = running();
    clock.set(START.plus(20 * HOUR));
    assert_eq!(clock.settled(), START.plus(20 * HOUR));
    clock.set(START.plus(40 * HOUR));
    assert_eq!((clock.now(), clock.settled()), (START.plus(40 * HOUR), START.plus(20 * HOUR)));
}

#[test]
fn a_restart_goes_on_counting() {
    let clock = running();
    clock.set(START.plus(30 * DAY));
    see(&clock);
    clock.advance(7 * MINUTE);
    // (downtime, remaining minutes): the time while no daemon ran does not count.
    for (down, rest) in [(0, 3), (40, 3), (HOUR, 3), (2 * DAY, 10)] {
        let again = restarted(&clock, clock.now().plus(down));
        assert_eq!(again.now(), clock.now().plus(down));
        again.advance(rest * MINUTE - 1);
        assert!(again.settled() < again.now(), "{down}");
        again.advance(1);
        assert_eq!(again.settled(), again.now(), "{down}");
    }
    // Back at the right time, or at a third one.
    let right = restarted(&clock, START.plus(8 * MINUTE));
    assert_eq!((right.now(), right.settled()), (START.plus(8 * MINUTE), START.plus(8 * MINUTE)));
    let third = restarted(&clock, START.plus(20 * DAY));
    third.advance(5 * MINUTE);
    assert!(third.settled() < third.now());
}

#[test]
fn after_a_month_without_power_all_can_be_used_at_once() {
    let clock = running();
    let month = START.plus(30 * DAY);
    let again = restarted(&clock, month);
    assert_eq!((again.now(), again.trouble(), again.settled()), (month, None, START));
    again.advance(10 * MINUTE);
    assert_eq!(again.settled(), month.plus(10 * MINUTE));
}

#[test]
fn without_a_battery_the_clock_starts_in_1970_and_leaps() {
    let clock = running();
    let again = restarted(&clock, UnixSeconds(12));
    again.advance(30);
    assert_eq!((again.now(), again.trouble()), (START, Some(ClockTrouble::BeforeBuild)));
    // It was off for an hour: no wait.
    again.set(START.plus(HOUR));
    assert_eq!(
        (again.now(), again.settled(), again.trouble()),
        (START.plus(HOUR), START.plus(HOUR), None)
    );
    // It was off for a week.
    let again = restarted(&clock, UnixSeconds(12));
    again.advance(30);
    again.set(START.plus(7 * DAY));
    assert_eq!((again.now(), again.settled()), (START.plus(7 * DAY), START.plus(30)));
}

impl UnixSeconds {
    fn since(self, earlier: Self) -> u64 {
        self.0 - earlier.0
    }
}

proptest! {
    /// For any change of the clock: the floor never goes back, `now` is never behind it, and it is never
    /// ahead of the monotonic clock by more than the leaps that have held, and a day for each ten minutes.
    #[test]
    fn the_floor_moves_with_a_plausible_clock_only(
        steps in prop::collection::vec((0..4_u8, 0..3 * HOUR, 0..20_u64), 1..60),
    ) {
        let mut clock = running();
        let (mut passed, mut floor, mut bound) = (0, START, START);
        let mut leapt = None;
        for (kind, small, leaps) in steps {
            let leapt_before = leapt;
            match kind {
                0 => { clock.advance(small % (9 * MINUTE)); passed += small % (9 * MINUTE) }
                // Leaps are two days apart, and all steps together pass less than one: setting a clock to
                // almost the time that it shows is not another leap.
                1 => { clock.set(START.plus(2 * DAY * leaps)); leapt = Some(leaps) }
                2 => { clock.set(before(START, HOUR * leaps)); leapt = None }
                _ => { clock = restarted(&clock, START.plus(small)); leapt = None }
            }
            let (now, settled, record) = (clock.now(), clock.settled(), clock.record());
            prop_assert!(record.floor >= floor && now >= record.floor && settled <= now);
            prop_assert!(settled >= record.floor);
            if kind > 1 || leapt != leapt_before { passed = 0; bound = record.floor.max(bound); }
            if passed < 10 * MINUTE {
                prop_assert!(record.floor <= bound.plus(DAY + passed), "{} {bound}", record.floor);
            }
            floor = record.floor;
        }
    }
}
