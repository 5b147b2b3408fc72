package io.millrace.model.file.zip;

/**
 * An entry of an archive, checked to lie within the file.
 *
 * @param name as the archive's directory has it
 * @param stored whether its bytes are there as they are: neither compressed nor encrypted
 * @param how the way in which they are not
 * @param offsetBytes of its first byte in the file; 0 where it is not stored
 * @param sizeBytes bytes of the content
 * @param crc32 of the content, as the directory claims
 */
public record ZipEntryPlace(
        String name, boolean stored, String how, long offsetBytes, long sizeBytes, int crc32) {}
