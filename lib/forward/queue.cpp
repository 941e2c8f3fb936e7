#include "forward/queue.h"

#include <algorithm>

namespace stream::media {
namespace {

bool is_picture(const MessagePtr& message) {
  return message->video && !message->opening;
}

}  // namespace

void ForwardQueue::push(const MessagePtr& message) {
  if (waits_ && is_picture(message)) {
    if (!message->entry) {
      ++dropped_video_;
      return;
    }
    waits_ = false;
  }
  messages_.push_back(message);
  bytes_ += message->wire.wire.size();
  if (full()) shed();
}

void ForwardQueue::shed() {
  ++overflows_;
  const auto is_entry = [](const MessagePtr& message) { return message->video && message->entry; };
  const auto newest = std::find_if(messages_.rbegin(), messages_.rend(), is_entry);
  const size_t keep = static_cast<size_t>(messages_.rend() - newest);  // its index plus one; or 0
  const bool oldest_picture =
      keep > 0 && std::none_of(messages_.begin(),
                               messages_.begin() + static_cast<ptrdiff_t>(keep) - 1, is_picture);
  drop_video(keep == 0 || oldest_picture ? messages_.size() : keep - 1);
  if (bytes_ > kMaxBytes) drop_video(messages_.size());
  while (full() && drop_oldest_audio()) {
  }
}

// The pictures among the first `count` messages. Without any left the next keyframe is waited for.
void ForwardQueue::drop_video(size_t count) {
  std::deque<MessagePtr> rest;
  bytes_ = 0;
  waits_ = count == messages_.size();
  for (size_t i = 0; i < messages_.size(); ++i) {
    if (i < count && is_picture(messages_[i])) {
      ++dropped_video_;
      continue;
    }
    bytes_ += messages_[i]->wire.wire.size();
    rest.push_back(std::move(messages_[i]));
  }
  messages_ = std::move(rest);
}

bool ForwardQueue::drop_oldest_audio() {
  const auto it = std::find_if(messages_.begin(), messages_.end(), [](const MessagePtr& message) {
    return !message->video && !message->opening;
  });
  if (it == messages_.end()) return false;
  bytes_ -= (*it)->wire.wire.size();
  ++dropped_audio_;
  messages_.erase(it);
  return true;
}

MessagePtr ForwardQueue::pop() {
  if (messages_.empty()) return nullptr;
  MessagePtr message = std::move(messages_.front());
  messages_.pop_front();
  bytes_ -= message->wire.wire.size();
  ++popped_;
  if (is_picture(message)) ++popped_video_;
  return message;
}

void ForwardQueue::clear() {
  messages_.clear();
  bytes_ = 0;
  waits_ = false;
}

int64_t ForwardQueue::milliseconds() const {
  const auto media = [](const MessagePtr& message) { return !message->opening; };
  const auto first = std::find_if(messages_.begin(), messages_.end(), media);
  if (first == messages_.end()) return 0;
  const auto last = std::find_if(messages_.rbegin(), messages_.rend(), media);
  return (*last)->milliseconds - (*first)->milliseconds;
}

}  // namespace stream::media
