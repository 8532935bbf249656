use session_core::SystemEntropy;
use session_core::testkit::ManualClock;

use super::*;

fn accounts(kept: AccountStore) -> (Accounts, ManualClock) {
    let clock = ManualClock::new();
    let cheap = Cost {
        memory: 8,
        passes: 1,
    };
    let (entropy, shown) = (Arc::new(SystemEntropy::new()), Arc::new(clock.clone()));
    let runtime = Handle::current();
    let accounts = Accounts::new(kept, cheap, entropy, shown, runtime);
    (accounts.unwrap(), clock)
}

fn in_memory() -> (Accounts, ManualClock) {
    accounts(AccountStore::Memory(MemoryAccounts::default()))
}

fn written(password: &str) -> Password {
    Password::from(password.to_owned())
}

#[tokio::test]
async fn whoever_registered_is_known_by_name_and_password() {
    let (accounts, _) = in_memory();
    let name = accounts.register(" Ada ", written("correct horse")).await;
    assert_eq!(name.unwrap().as_str(), "ada");
    let name = accounts.verify("ADA", written("correct horse")).await;
    assert_eq!(name.unwrap().as_str(), "ada");
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_told_in_the_same_words() {
    let (accounts, _) = in_memory();
    accounts
        .register("ada", written("correct horse"))
        .await
        .unwrap();
    let mut told = Vec::new();
    for (name, password) in [("ada", "a wrong one"), ("ben", "correct horse"), ("", "")] {
        let error = accounts.verify(name, written(password)).await.unwrap_err();
        assert!(matches!(error, AccountError::Wrong), "{error:?}");
        told.push(error.to_string());
    }
    told.dedup();
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn a_name_belongs_to_whoever_came_first_however_many_want_it_at_once() {
    let (accounts, _) = in_memory();
    let wanted = (0..8).map(|number| {
        let accounts = accounts.clone();
        async move {
            let password = format!("password {number}");
            let name = accounts.register("ada", written(&password)).await;
            (password, name.is_ok())
        }
    });
    let wanted = futures_util::future::join_all(wanted).await;
    assert_eq!(wanted.iter().filter(|(_, got_it)| *got_it).count(), 1);
    for (password, got_it) in wanted {
        let known = accounts.verify("ada", written(&password)).await;
        assert_eq!(known.is_ok(), got_it);
    }
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused_with_the_reason() {
    let (accounts, _) = in_memory();
    let short = accounts.register("ada", written("1234567")).await;
    assert!(matches!(
        short,
        Err(AccountError::Password(PasswordError::TooShort))
    ));
    let nameless = accounts.register(" ", written("correct horse")).await;
    assert!(matches!(
        nameless,
        Err(AccountError::Name(NameError::Empty))
    ));
}

#[tokio::test]
async fn there_are_no_more_accounts_than_there_is_room_for() {
    let (accounts, _) = accounts(AccountStore::Memory(MemoryAccounts::with_room_for(1)));
    accounts
        .register("ada", written("correct horse"))
        .await
        .unwrap();
    let one_more = accounts.register("ben", written("correct horse")).await;
    assert!(matches!(one_more, Err(AccountError::Full)));
    let again = accounts.register("ada", written("correct horse")).await;
    assert!(matches!(again, Err(AccountError::Taken)));
}

#[tokio::test]
async fn guessing_has_to_wait_also_with_the_right_password_and_for_names_without_an_account() {
    let (accounts, clock) = in_memory();
    accounts
        .register("ada", written("correct horse"))
        .await
        .unwrap();
    for name in ["ada", "nobody"] {
        for _ in 0..10 {
            let guess = accounts.verify(name, written("a wrong one")).await;
            assert!(matches!(guess, Err(AccountError::Wrong)));
        }
        let guess = accounts.verify(name, written("correct horse")).await;
        let Err(AccountError::TooManyAttempts(wait)) = guess else {
            panic!("{guess:?}");
        };
        clock.advance(wait);
        let guess = accounts.verify(name, written("correct horse")).await;
        assert_eq!(guess.is_ok(), name == "ada");
    }
}

#[tokio::test]
async fn guesses_at_the_same_time_are_no_more_than_one_after_another() {
    let (accounts, _) = in_memory();
    let guesses = (0..50).map(|number| accounts.verify("ada", written(&number.to_string())));
    let guesses = futures_util::future::join_all(guesses).await;
    let looked_at = guesses
        .iter()
        .filter(|guess| matches!(guess, Err(AccountError::Wrong)));
    assert_eq!(looked_at.count(), 10);
}

#[tokio::test]
async fn neither_a_password_nor_a_hash_is_printed() {
    let (accounts, _) = in_memory();
    accounts
        .register("ada", written("correct horse"))
        .await
        .unwrap();
    let printed = format!("{accounts:?}");
    assert!(printed.contains("MemoryAccounts"), "{printed}");
    assert!(!printed.contains("argon2"), "{printed}");
}

#[test]
fn a_wait_is_told_in_whole_seconds_and_never_too_short() {
    for (wait, seconds) in [(0, 0), (1, 1), (1_000, 1), (1_001, 2), (60_000, 60)] {
        assert_eq!(whole_seconds(Duration::from_millis(wait)), seconds);
    }
}
