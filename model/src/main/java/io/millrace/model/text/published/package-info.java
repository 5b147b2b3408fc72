/**
 * Tokenizers as they are published without a {@code tokenizer.json}: the files that a class of
 * transformers reads, made into what that file would hold.
 *
 * <pre>
 *   vocab.json, merges.txt --MergeFiles--------.
 *   vocab.txt ----------WordPieceParts--------->-- PublishedTokenizer --> FastTokenizer
 *   tokenizer.model ----SentencePieceFile------'          |
 *   tokenizer_config.json and its fellows --TokenizerRules'
 * </pre>
 *
 * <p>The rules are those of transformers 5, class by class ({@link
 * io.millrace.model.text.published.TokenizerClass}); what a class adds by itself, such as a mask
 * token behind the vocabulary, is added here too.
 */
package io.millrace.model.text.published;
