// What a chat is sent of a recording: each media file as MP4 parts that play by themselves, none
// larger than a message holds, with captions; other files as they are.
#pragma once
#include "archive/deposit.h"

namespace stream::archive {

// `scratch`: what the parts are called while they are on the disk, and then something.
std::vector<DepositFile> cut_for_chat(const Deposit& deposit, uint64_t message_limit,
                                      const std::string& scratch);

}  // namespace stream::archive
