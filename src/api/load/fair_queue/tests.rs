//! Fairness of the queue, polled by hand without a runtime.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use super::*;

type Waiting = Pin<Box<dyn Future<Output = Result<QueueTurn, Full>>>>;

/// Polls a future once, without a runtime.
fn poll(waiting: &mut Waiting) -> Poll<Result<QueueTurn, Full>> {
    waiting.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

fn client(number: u8) -> ClientNet {
    ClientNet::of([192, 0, 2, number].into())
}

fn ask(queue: &FairQueue, number: u8) -> Waiting {
    let queue = queue.clone();
    Box::pin(async move { queue.bounded_turn(client(number)).await })
}

fn turn(waiting: &mut Waiting) -> Option<QueueTurn> {
    match poll(waiting) {
        Poll::Pending => None,
        Poll::Ready(turn) => Some(turn.unwrap()),
    }
}

fn refusal(waiting: &mut Waiting) -> Option<Full> {
    match poll(waiting) {
        Poll::Ready(turn) => turn.err(),
        Poll::Pending => None,
    }
}

#[test]
fn clients_that_wait_take_turns_in_rotation() {
    let queue = FairQueue::for_long_work(1);
    let running = turn(&mut ask(&queue, 1)).unwrap();
    let mut first: Vec<Waiting> = (0..3).map(|_| ask(&queue, 1)).collect();
    assert!(first.iter_mut().all(|waiting| turn(waiting).is_none()));
    let mut second = ask(&queue, 2);
    assert!(turn(&mut second).is_none());
    drop(running);
    let running = turn(&mut first[0]).expect("it was there before");
    assert!(turn(&mut second).is_none());
    drop(running);
    let running = turn(&mut second).expect("before the others of client 1");
    assert!(turn(&mut first[1]).is_none());
    drop(running);
    drop(turn(&mut first[1]).expect("now"));
    drop(turn(&mut first[2]).expect("the last"));
    let state = queue.0.state();
    assert_eq!((state.running, state.waiting), (0, 0));
    assert!(state.clients.is_empty() && state.rotation.is_empty());
}

#[test]
fn one_client_never_has_all_places() {
    let queue = FairQueue::for_long_work(4);
    let running: Vec<_> = (0..3).map(|_| turn(&mut ask(&queue, 1)).unwrap()).collect();
    let mut fourth = ask(&queue, 1);
    assert!(turn(&mut fourth).is_none());
    let other = turn(&mut ask(&queue, 2)).expect("a place is free for others");
    drop(other);
    assert!(turn(&mut fourth).is_none(), "the place stays free");
    drop(running);
    assert!(turn(&mut fourth).is_some());
}

#[test]
fn one_client_has_a_share_of_what_waits() {
    let queue = FairQueue::for_long_work(1);
    let running = turn(&mut ask(&queue, 1)).unwrap();
    let mut waiting: Vec<Waiting> = (0..WAITING_OF_CLIENT).map(|_| ask(&queue, 1)).collect();
    assert!(waiting.iter_mut().all(|waiting| turn(waiting).is_none()));
    assert_eq!(refusal(&mut ask(&queue, 1)), Some(Full::OfClient));
    let mut other = ask(&queue, 2);
    assert!(turn(&mut other).is_none());
    // A disconnected client is not counted as queued.
    waiting.truncate(1);
    let mut again = ask(&queue, 1);
    assert!(turn(&mut again).is_none());
    drop(running);
    drop(turn(&mut waiting[0]).unwrap());
    drop(turn(&mut other).unwrap());
    drop(turn(&mut again).unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_client_over_its_share_is_refused_after_a_delay() {
    let queue = FairQueue::for_long_work(1);
    let _running = queue.turn(client(1)).await.unwrap();
    let mut waiting: Vec<Waiting> = (0..WAITING_OF_CLIENT).map(|_| ask(&queue, 1)).collect();
    assert!(waiting.iter_mut().all(|waiting| turn(waiting).is_none()));
    let begun = tokio::time::Instant::now();
    assert!(matches!(queue.turn(client(1)).await, Err(ApiError::Busy)));
    assert_eq!(begun.elapsed(), REFUSAL_DELAY);
}

#[test]
fn where_all_places_are_taken_a_new_client_takes_one_of_the_longest() {
    let queue = FairQueue::for_long_work(1);
    let running = turn(&mut ask(&queue, 1)).unwrap();
    let mut crowd: Vec<Waiting> = (0..WAITING)
        .map(|number| ask(&queue, 1 + u8::try_from(number / WAITING_OF_CLIENT).unwrap()))
        .collect();
    assert!(crowd.iter_mut().all(|waiting| turn(waiting).is_none()));
    let mut new = ask(&queue, 200);
    assert!(turn(&mut new).is_none());
    let refusals: Vec<_> = crowd.iter_mut().filter_map(refusal).collect();
    assert_eq!(refusals, [Full::OfAll]);
    assert_eq!(queue.0.state().waiting, WAITING);
    drop((running, crowd));
    assert!(turn(&mut new).is_some());
}

#[test]
fn a_turn_whose_asker_has_hung_up_is_passed_on() {
    let queue = FairQueue::for_long_work(1);
    let running = turn(&mut ask(&queue, 1)).unwrap();
    let (mut gone, mut late, mut next) = (ask(&queue, 2), ask(&queue, 3), ask(&queue, 4));
    for waiting in [&mut gone, &mut late, &mut next] {
        assert!(turn(waiting).is_none());
    }
    drop(gone);
    drop(running);
    // This client gets its turn, and disconnects before it notices.
    drop(late);
    assert!(turn(&mut next).is_some());
}
