package io.millrace.executor.cpu.op;

/**
 * How a product with weights is cut into tasks: a pure function of the shape, never of the number
 * of workers, since the order of a tile's sums follows from its shape.
 *
 * @param rows rows of Y
 * @param columns columns of Y
 * @param rowTile rows of a tile but the last
 * @param columnTile columns of a tile but the last
 */
public record GemmTiles(int rows, int columns, int rowTile, int columnTile) {
    // A panel of 64 columns is the width of oneDNN's AVX-512 kernel. At 3072 inputs it is 768 KiB
    // and still fits a 1 MiB L2 cache while the rows stream past it.
    private static final int COLUMN_TILE = 64;
    // Each row tile packs its panel anew. Against 512 rows, on Zen 5 with 768 to 3072 inputs, 256
    // rows reach 98 % of the rate, 128 rows 93 %, 64 rows 88 %; more than 1024 rows gain nothing.
    private static final int ROW_TILE = 1024;
    private static final int FEW_ROWS = 64;

    /** The tiles of Y [rows, columns]. */
    public static GemmTiles of(int rows, int columns) {
        int columnTile = rows < FEW_ROWS ? 2 * COLUMN_TILE : COLUMN_TILE;
        return new GemmTiles(
                rows, columns, Math.min(rows, ROW_TILE), Math.min(columns, columnTile));
    }

    /** Tiles of the same columns, where the rows of so many matrices lie one after another. */
    public GemmTiles stacked(int matrices) {
        int stackedRows = Math.multiplyExact(rows, matrices);
        return new GemmTiles(stackedRows, columns, Math.min(stackedRows, ROW_TILE), columnTile);
    }

    /** How many tasks. */
    public int count() {
        return rows == 0 || columns == 0 ? 0 : rowTiles() * columnTiles();
    }

    /** Tiles from left to right. */
    public int columnTiles() {
        return Math.ceilDiv(columns, columnTile);
    }

    /** Tiles from top to bottom: a panel's are numbered from {@code panel · rowTiles} on. */
    public int rowTiles() {
        return Math.ceilDiv(rows, rowTile);
    }

    /** First column of a panel, which is all tiles of the same columns. */
    public int panelColumn(int panel) {
        return panel * columnTile;
    }

    /** Columns of a panel. */
    public int panelWidth(int panel) {
        return Math.min(columnTile, columns - panelColumn(panel));
    }

    /** First row of a tile; a panel's row tiles follow each other, while it is in the cache. */
    public int row(int tile) {
        return tile % rowTiles() * rowTile;
    }

    /** Rows of a tile. */
    public int rowCount(int tile) {
        return Math.min(rowTile, rows - row(tile));
    }

    /** First column of a tile. */
    public int column(int tile) {
        return tile / rowTiles() * columnTile;
    }

    /** Columns of a tile. */
    public int columnCount(int tile) {
        return Math.min(columnTile, columns - column(tile));
    }
}
