#include "text/piece_merges.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "text/gguf_tokenizer.hpp"
#include "util/error.hpp"
#include "util/utf8.hpp"

namespace tessera::text {

namespace {

struct Candidate {
  float score;
  int left_characters, right_characters;
  int piece_id, left_id, right_id;
};

bool better(const Candidate& a, const Candidate& b) {
  const auto rank = std::tie(a.score, a.left_characters, a.right_characters);
  const auto other = std::tie(b.score, b.left_characters, b.right_characters);
  if (rank != other) return rank > other;
  return std::tie(a.piece_id, a.left_id, a.right_id) < std::tie(b.piece_id, b.left_id, b.right_id);
}

using PieceIds = std::unordered_map<std::string_view, int>;

PieceIds mergeable_pieces(const io::GgufVocab& vocab) {
  PieceIds ids;
  ids.reserve(vocab.tokens.size());
  for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
    const TokenType type = token_type(vocab, i);
    if (type == TokenType::Control || type == TokenType::Unknown || type == TokenType::Byte) continue;
    check(std::isfinite(vocab.scores[i]), "GGUF tokenizer: score {} of token {}: get the file again",
          vocab.scores[i], i);
    ids.emplace(vocab.tokens[i], static_cast<int>(i));
  }
  return ids;
}

int count_characters(std::string_view text) {
  int count = 0;
  for (; !text.empty(); text.remove_prefix(character_bytes(text))) ++count;
  return count;
}

void add_splits(const io::GgufVocab& vocab, std::size_t id, const PieceIds& ids,
                std::vector<Candidate>& out) {
  const std::string_view piece = vocab.tokens[id];
  const int characters = count_characters(piece);
  int left_characters = 0;
  for (std::size_t at = 0; at < piece.size();) {
    at += character_bytes(piece.substr(at));
    ++left_characters;
    const auto left = ids.find(piece.substr(0, at));
    if (left == ids.end()) continue;
    const auto right = ids.find(piece.substr(at));
    if (right == ids.end()) continue;
    out.push_back({vocab.scores[id], left_characters, characters - left_characters, static_cast<int>(id),
                   left->second, right->second});
  }
}

}  // namespace

std::vector<PieceMerge> piece_merges(const io::GgufVocab& vocab) {
  check(vocab.scores.size() == vocab.tokens.size(),
        "GGUF tokenizer: {} scores for {} tokens: a 'llama' vocabulary needs one each; get the file again",
        vocab.scores.size(), vocab.tokens.size());
  const PieceIds ids = mergeable_pieces(vocab);
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < vocab.tokens.size(); ++i) {
    const auto it = ids.find(vocab.tokens[i]);
    if (it != ids.end() && it->second == static_cast<int>(i)) add_splits(vocab, i, ids, candidates);
  }
  std::sort(candidates.begin(), candidates.end(), better);
  std::vector<PieceMerge> merges;
  merges.reserve(candidates.size());
  for (const auto& candidate : candidates) {
    merges.push_back({vocab.tokens[static_cast<std::size_t>(candidate.left_id)],
                      vocab.tokens[static_cast<std::size_t>(candidate.right_id)]});
  }
  return merges;
}

}  // namespace tessera::text
