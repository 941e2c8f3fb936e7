// What a chat is sent of a recording: each media file as MP4 parts that play by themselves, none
// larger than a message holds, with captions; other files as they are.
#pragma once
#include "archive/deposit.h"
#include "control/service.h"

namespace stream::archive {

// `scratch`: what the directories of the parts are called, and then something. Throws Error
// "program.absent" without stream-record, which makes the parts, and "archive.stopped".
std::vector<DepositFile> cut_for_chat(const Deposit& deposit, uint64_t message_limit,
                                      const std::string& scratch, control::Service& service);

}  // namespace stream::archive
