//! Data of every kind, and questions that tell it apart.

use crate::process::Client;

/// Every kind of value, in its small and its large form, with deadlines, in two databases; a library.
pub fn fill(client: &mut Client) {
    client.run(&[
        "SET text hello",
        "SET number 12345",
        "SET gone-soon x PX 3600000",
        "RPUSH list a b 3",
        "SADD ints 1 2 300000",
        "SADD set a b c",
        "HSET hash f v g 7",
        "ZADD zset 1 a 2.5 b",
        "XADD stream 1-1 f v",
        "XADD stream 2-1 f w",
        "XGROUP CREATE stream g 0",
        "XREADGROUP GROUP g c COUNT 1 STREAMS stream >",
        "PFADD hll a b c",
        "SETBIT bits 100 1",
        "GEOADD places 13.361389 38.115556 Palermo",
    ]);
    let long = "x".repeat(5000);
    client.run(&[&format!("SET long {long}")]);
    let large = (0..600).flat_map(|i| {
        [
            format!("RPUSH biglist element-{i}"),
            format!("SADD bigset element-{i}"),
            format!("HSET bighash field-{i} value-{i}"),
            format!("ZADD bigzset {i} element-{i}"),
        ]
    });
    client.run_together(&large.collect::<Vec<_>>());
    client.run(&["SELECT 3", "SET other 1", "SELECT 0"]);
    client.ask(&[
        "FUNCTION",
        "LOAD",
        "#!lua name=lib\nredis.register_function('one', function() return 1 end)",
    ]);
}

/// What tells the data apart: replies that do not depend on order or time.
pub fn questions() -> Vec<Vec<&'static str>> {
    let lines = [
        "DBSIZE",
        "GET text",
        "GET number",
        "OBJECT ENCODING number",
        "PEXPIRETIME gone-soon",
        "LRANGE list 0 -1",
        "SORT ints",
        "SORT set ALPHA",
        "HMGET hash f g",
        "ZRANGE zset 0 -1 WITHSCORES",
        "XRANGE stream - +",
        "XPENDING stream g - + 10 c",
        "PFCOUNT hll",
        "BITCOUNT bits",
        "GEOHASH places Palermo",
        "GET long",
        "LRANGE biglist 0 -1",
        "SORT bigset ALPHA",
        "HGET bighash field-599",
        "HLEN bighash",
        "ZRANGE bigzset 0 -1",
        "FCALL one 0",
        "SELECT 3",
        "KEYS *",
        "SELECT 0",
    ];
    lines.iter().map(|line| line.split(' ').collect()).collect()
}

/// The answers; how long ago something was delivered is left out.
pub fn answers(client: &mut Client) -> Vec<String> {
    let mut answers = Vec::new();
    for question in questions() {
        let mut answer = format!("{:?}", client.ask(&question));
        if question[0] == "XPENDING" {
            answer.retain(|c| !c.is_ascii_digit());
        }
        answers.push(format!("{question:?} {answer}"));
    }
    answers
}

/// Long answers are cut in what a failure says.
pub fn assert_alike(before: &[String], after: &[String], when: &str) {
    for (before, after) in before.iter().zip(after) {
        assert!(before == after, "{when}: {before:.300}\n{after:.300}");
    }
}
