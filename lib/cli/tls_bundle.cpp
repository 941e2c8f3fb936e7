#include "cli/tls_bundle.h"

#include "base/error.h"

namespace stream::cli {

void TlsBundle::declare(Command& command, const std::string& schemes) {
  command
      .option("--cert", certificate, "FILE",
              "for " + schemes +
                  ": the certificate and those that signed it, in PEM; read again when the file "
                  "changes and on SIGHUP, without a break for who is connected")
      .completes(Completion::kFile);
  command
      .option("--key", key, "FILE|SOURCE",
              "the certificate's private key, in PEM: a file that only its owner can read, or "
              "@vault:NAME, @cred:NAME, @fd:N")
      .completes(Completion::kFile);
}

void TlsBundle::check(bool used, const std::string& id, const std::string& schemes,
                      const std::string& example) const {
  if (used && (certificate.empty() || key.empty()))
    throw Error(Exit::kUsage, id,
                "TLS needs a certificate and its private key: --" +
                    std::string(certificate.empty() ? "cert" : "key") + " is missing",
                "say --cert FULLCHAIN.PEM --key KEY.PEM");
  if (!used && !(certificate.empty() && key.empty()))
    throw Error(Exit::kUsage, id,
                "--cert and --key are for " + schemes + ", and nothing listens there",
                "say --listen " + example);
}

}  // namespace stream::cli
