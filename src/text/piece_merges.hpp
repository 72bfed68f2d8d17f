#pragma once
// A SentencePiece vocabulary has scores and no merges; BPE needs merges.
#include <string>
#include <vector>

#include "io/checkpoint.hpp"

namespace tessera::text {

struct PieceMerge {
  std::string left, right;
};

/// Every way to split a piece into two pieces, best merge first: by the score of the whole piece, then the
/// longer left part, then the longer right part, then the order of the vocabulary. This is the order in which
/// Hugging Face's converter of Llama tokenizers ranks them. Control, unknown and byte pieces take no part.
/// Throws UserError when scores are missing or not finite.
std::vector<PieceMerge> piece_merges(const io::GgufVocab& vocab);

}  // namespace tessera::text
