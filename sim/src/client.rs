//! A client of a simulated node: sends commands, decodes replies, gives up after a time. It knows a node only by its address.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use seawall::protocol::client::{Decoder, Value, encode};
use seawall::runtime::Runtime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::runtime::{SimRuntime, SimStream};

/// One connection.
pub struct Client {
    stream: SimStream,
    decoder: Decoder,
    patience: Duration,
}

impl Client {
    /// Connects, or gives up after `patience`, as each later step does.
    pub async fn connect(address: SocketAddr, patience: Duration) -> io::Result<Client> {
        let stream = SimRuntime::timeout(patience, SimRuntime::connect(address)).await??;
        Ok(Client { stream, decoder: Decoder::default(), patience })
    }

    /// Sends several commands at once.
    pub async fn send(&mut self, commands: &[Vec<Vec<u8>>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for command in commands {
            encode(&mut bytes, command);
        }
        SimRuntime::timeout(self.patience, self.stream.write_all(&bytes)).await?
    }

    /// The next reply.
    pub async fn receive(&mut self) -> io::Result<Value> {
        SimRuntime::timeout(self.patience, self.receive_patiently()).await?
    }

    async fn receive_patiently(&mut self) -> io::Result<Value> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(value) = self.decoder.next().map_err(io::Error::other)? {
                return Ok(value);
            }
            match self.stream.read(&mut buffer).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.decoder.feed(&buffer[..length]),
            }
        }
    }

    /// Sends one command and waits for its reply.
    pub async fn call(&mut self, words: &[&str]) -> io::Result<Value> {
        let command = words.iter().map(|word| word.as_bytes().to_vec()).collect();
        self.send(&[command]).await?;
        self.receive().await
    }
}
