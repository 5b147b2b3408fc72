package io.millrace.model.text.published;

import io.millrace.memory.BadInputException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What a sentencepiece model ({@code tokenizer.model}, {@code spiece.model}) holds, as far as a
 * tokenizer is made of it.
 *
 * @param pieces the vocabulary; a piece's id is its index
 * @param isBytePair whether it was trained for byte-pair merges; a unigram model if not
 * @param charsmap the normaliser's precompiled map, empty where it has none
 * @see <a
 *     href="https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto">the
 *     message</a>
 */
@SuppressWarnings("ArrayRecordComponent") // handed over to the one who asks
public record SentencePieceFile(List<Piece> pieces, boolean isBytePair, byte[] charsmap) {
    /** The largest published one (256,000 pieces) has 4.7 MB. */
    private static final long MAX_BYTES = 64L << 20;

    private static final String MEND = "copy the file again from the original model";

    private static final int UNIGRAM = 1;
    private static final int BYTE_PAIR = 2;

    /** By their numbers in the file. */
    private static final Map<Long, Kind> KINDS =
            Map.of(
                    1L, Kind.NORMAL,
                    2L, Kind.UNKNOWN,
                    3L, Kind.CONTROL,
                    4L, Kind.USER_DEFINED,
                    5L, Kind.UNUSED,
                    6L, Kind.BYTE);

    /** What a piece is for. */
    public enum Kind {
        /** Text. */
        NORMAL,
        /** What no piece covers. */
        UNKNOWN,
        /** A mark such as {@code <s>}, which text never becomes. */
        CONTROL,
        /** Text that is found as it is before anything is merged. */
        USER_DEFINED,
        /** Never used. */
        UNUSED,
        /** A byte, {@code <0x41>}. */
        BYTE
    }

    /**
     * A piece.
     *
     * @param text with U+2581 in the place of spaces
     * @param score the logarithm of a unigram's probability; of byte pairs minus its rank
     * @param kind what it is for
     */
    public record Piece(String text, float score, Kind kind) {}

    /** Freezes the pieces. */
    public SentencePieceFile {
        pieces = List.copyOf(pieces);
    }

    /**
     * Reads a model.
     *
     * @throws BadInputException when it is no whole one
     */
    public static SentencePieceFile read(Path file) {
        byte[] bytes;
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw bad(file, "has more than " + MAX_BYTES + " bytes");
            }
            bytes = Files.readAllBytes(file);
        } catch (IOException e) {
            throw new BadInputException(
                    file.toString(), "it cannot be read: " + e, "check its permissions");
        }
        try {
            return new Reader().read(file, new ProtobufFields(ByteBuffer.wrap(bytes)));
        } catch (ProtobufFields.MalformedException e) {
            throw bad(file, "is no whole sentencepiece model (" + e.getMessage() + ")");
        }
    }

    private static BadInputException bad(Path file, String what) {
        return new BadInputException(file.toString(), what, MEND);
    }

    /** The fields as they come. */
    private static final class Reader {
        private final List<Piece> pieces = new ArrayList<>();
        private final Set<String> seen = new HashSet<>();
        private long modelType = UNIGRAM;
        private boolean trainerSeen;
        private boolean normalizerSeen;
        private byte[] charsmap = {};

        SentencePieceFile read(Path file, ProtobufFields model)
                throws ProtobufFields.MalformedException {
            while (model.next()) {
                switch (model.number()) {
                    case 1 -> takePiece(new ProtobufFields(model.bytes()));
                    case 2 -> takeTrainer(new ProtobufFields(model.bytes()));
                    case 3 -> takeNormalizer(new ProtobufFields(model.bytes()));
                    default -> {}
                }
            }
            // Pieces come first: a file cut off behind one of them lacks what follows.
            if (pieces.isEmpty() || !trainerSeen || !normalizerSeen) {
                throw bad(file, "is no whole sentencepiece model (it ends within its pieces)");
            }
            if (modelType != UNIGRAM && modelType != BYTE_PAIR) {
                throw new BadInputException(
                        file.toString(),
                        "is a sentencepiece model of words or characters",
                        "give the model a tokenizer.json");
            }
            return new SentencePieceFile(pieces, modelType == BYTE_PAIR, charsmap);
        }

        private void takePiece(ProtobufFields piece) throws ProtobufFields.MalformedException {
            String text = "";
            float score = 0;
            long kind = 1;
            while (piece.next()) {
                switch (piece.number()) {
                    case 1 -> text = piece.text();
                    case 2 -> score = piece.number32();
                    case 3 -> kind = piece.integer();
                    default -> {}
                }
            }
            if (text.isEmpty() || !seen.add(text)) {
                throw new ProtobufFields.MalformedException(
                        "piece " + pieces.size() + " is empty or there twice");
            }
            if (!KINDS.containsKey(kind) || !Float.isFinite(score)) {
                throw new ProtobufFields.MalformedException(
                        "piece " + pieces.size() + " is of no kind, or has no finite score");
            }
            pieces.add(new Piece(text, score, KINDS.get(kind)));
        }

        private void takeTrainer(ProtobufFields trainer) throws ProtobufFields.MalformedException {
            trainerSeen = true;
            while (trainer.next()) {
                if (trainer.number() == 3) {
                    modelType = trainer.integer();
                }
            }
        }

        private void takeNormalizer(ProtobufFields normalizer)
                throws ProtobufFields.MalformedException {
            normalizerSeen = true;
            while (normalizer.next()) {
                if (normalizer.number() == 2) {
                    ByteBuffer bytes = normalizer.bytes();
                    charsmap = new byte[bytes.remaining()];
                    bytes.get(charsmap);
                }
            }
        }
    }
}
