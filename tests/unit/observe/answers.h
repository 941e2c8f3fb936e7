// What a program of the stream "demo" answered.
#pragma once
#include <string>
#include <utility>

#include "observe/gather.h"

inline stream::observe::Answer answer(const std::string& tool, stream::observe::Json status,
                                      pid_t pid = 7) {
  stream::observe::Answer a;
  a.stream = "demo";
  a.tool = tool;
  a.status = std::move(status);
  a.pid = pid;
  return a;
}
