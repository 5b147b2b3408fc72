package io.millrace.model.quantize;

/**
 * Some rows of a matrix, coded.
 *
 * @param matrix the matrix
 * @param columns as many as a row has: the matrix's inputs, or a group where groups run on over the
 *     ends of its rows
 * @param firstRow the first row here
 * @param rows how many
 * @param codes [rows, columns], a byte each
 * @param scales [rows or runs of rows, groups]
 */
record CodedTile(
        QuantMatrix matrix, int columns, int firstRow, int rows, byte[] codes, float[] scales) {
    /** The code of an element of one of these rows. */
    int code(int row, int column) {
        return Byte.toUnsignedInt(codes[row * columns + column]);
    }
}
