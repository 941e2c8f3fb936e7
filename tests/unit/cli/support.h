// Variables of the environment for one test, gone at its end.
#pragma once
#include <stdlib.h>

#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

struct Environment {
  Environment(std::initializer_list<std::pair<std::string, std::string>> values) : values_(values) {
    for (const auto& [name, value] : values_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  ~Environment() {
    for (const auto& [name, value] : values_) ::unsetenv(name.c_str());
  }

 private:
  std::vector<std::pair<std::string, std::string>> values_;
};
