package io.millrace.model.hub;

import java.io.IOException;
import java.io.InputStream;
import java.util.Base64;
import java.util.Objects;

/** A file's bytes as base64, a piece at a time. */
final class Base64File extends InputStream {
    private static final int PIECE_BYTES = 3 << 14; // whole groups: padding stands at the end alone

    private final InputStream in;
    private byte[] piece = {};
    private int at;

    Base64File(OutgoingFile file) {
        in = new FileRange(file.path(), 0, file.sizeBytes());
    }

    static long size(long bytes) {
        return 4 * Math.ceilDiv(bytes, 3);
    }

    @Override
    public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0];
    }

    @Override
    public int read(byte[] bytes, int offset, int length) throws IOException {
        Objects.checkFromIndexSize(offset, length, bytes.length);
        if (at == piece.length) {
            piece = Base64.getEncoder().encode(in.readNBytes(PIECE_BYTES));
            at = 0;
            if (piece.length == 0) {
                return -1;
            }
        }
        int count = Math.min(length, piece.length - at);
        System.arraycopy(piece, at, bytes, offset, count);
        at += count;
        return count;
    }

    @Override
    public void close() throws IOException {
        in.close();
    }
}
