// The part of --listen that is SRT's: its address, its passphrases, its server.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "ingest/publisher.h"
#include "options.h"
#include "srt/engine.h"

namespace stream::ingest {

// Throws Error kUsage for what stands in an srt:// address or --passphrase and can't be. Off
// loopback somebody has to encrypt, unless --insecure was given.
void check_srt(const Options& options, const std::string& address);

// Reads the passphrases where they are.
std::unique_ptr<media::PublisherServer> listen_srt(boost::asio::io_context& io, srt::Engine& engine,
                                                   const Options& options,
                                                   const std::string& address, size_t connections,
                                                   media::PublisherHooks hooks);
// Whether publishers of the stream encrypt.
bool needs_passphrase(const Options& options, const std::string& address,
                      const std::string& stream);
// Without its options.
std::string shown_srt(const std::string& address);

}  // namespace stream::ingest
