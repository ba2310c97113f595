//! Whether transfers took place wholly: each account holds what the ledger says, to the unit.

use std::collections::BTreeMap;

use crate::units::ACCOUNTS;

/// Of one database: what each account holds, and the ledger's elements.
#[derive(Clone, Debug, Default)]
pub struct Books {
    /// By number; an account that is not there holds nothing.
    pub accounts: BTreeMap<u64, i64>,
    /// `FROM>TO:AMOUNT:NAME`, in order.
    pub ledger: Vec<Vec<u8>>,
}

impl Books {
    /// The error is a text for a reader.
    pub fn check(&self) -> Result<(), String> {
        let mut expected: BTreeMap<u64, i64> = BTreeMap::new();
        for element in &self.ledger {
            let text = String::from_utf8_lossy(element);
            let (from, to, amount) = parse(&text).ok_or_else(|| format!("the ledger holds {text:?}"))?;
            *expected.entry(from).or_default() -= amount;
            *expected.entry(to).or_default() += amount;
        }
        for account in 0..ACCOUNTS {
            let of = |books: &BTreeMap<u64, i64>| books.get(&account).copied().unwrap_or_default();
            if of(&self.accounts) != of(&expected) {
                return Err(format!(
                    "half a transfer: account {account} holds {}, and by the ledger's {} transfers it is {}",
                    of(&self.accounts),
                    self.ledger.len(),
                    of(&expected)
                ));
            }
        }
        Ok(())
    }
}

fn parse(element: &str) -> Option<(u64, u64, i64)> {
    let (from, rest) = element.split_once('>')?;
    let mut rest = rest.split(':');
    Some((from.parse().ok()?, rest.next()?.parse().ok()?, rest.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn books(accounts: &[(u64, i64)], ledger: &[&str]) -> Books {
        let ledger = ledger.iter().map(|element| element.as_bytes().to_vec()).collect();
        Books { accounts: accounts.iter().copied().collect(), ledger }
    }

    #[test]
    fn whole_transfers_add_up() {
        assert_eq!(books(&[], &[]).check(), Ok(()));
        assert_eq!(books(&[(0, -7), (2, 4), (1, 3)], &["0>1:3:v1-1", "0>2:4:v2-1"]).check(), Ok(()));
    }

    #[test]
    fn half_a_transfer_does_not() {
        assert!(books(&[(0, -3)], &["0>1:3:v1-1"]).check().is_err());
        assert!(books(&[(0, -3), (1, 3)], &[]).check().is_err());
        assert!(books(&[], &["nonsense"]).check().is_err());
    }
}
