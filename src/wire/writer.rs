//! A bounded buffer that an answer is written into.

/// The next piece does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the message is full")]
pub struct Full;

/// Appends to a borrowed buffer, never beyond the limit; can step back to a mark.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
    limit: usize,
}

impl<'b> Writer<'b> {
    /// Starts at the front of `buffer`; `limit` is cut to the buffer's length.
    pub fn new(buffer: &'b mut [u8], limit: usize) -> Writer<'b> {
        let limit = limit.min(buffer.len());
        Writer { buffer, len: 0, limit }
    }

    /// Goes on behind the first `len` octets of `buffer`, which count as written.
    pub fn resume(buffer: &'b mut [u8], len: usize, limit: usize) -> Writer<'b> {
        let limit = limit.min(buffer.len());
        Writer { buffer, len: len.min(limit), limit }
    }

    /// Octets written so far: the place of the next one.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Octets that still fit.
    pub fn room(&self) -> usize {
        self.limit - self.len
    }

    /// Keeps `octets` at the end out of use until [`Writer::release`].
    pub fn reserve(&mut self, octets: usize) -> Result<(), Full> {
        if octets > self.room() {
            return Err(Full);
        }
        self.limit -= octets;
        Ok(())
    }

    /// Gives back what [`Writer::reserve`] kept.
    pub fn release(&mut self, octets: usize) {
        self.limit = (self.limit + octets).min(self.buffer.len());
    }

    /// What was written.
    pub fn written(&self) -> &[u8] {
        &self.buffer[..self.len]
    }

    /// Goes back to an earlier length.
    pub fn step_back(&mut self, to: usize) {
        self.len = self.len.min(to);
    }

    /// Appends octets.
    pub fn put(&mut self, bytes: &[u8]) -> Result<(), Full> {
        if bytes.len() > self.room() {
            return Err(Full);
        }
        self.buffer[self.len..self.len + bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
        Ok(())
    }

    /// Appends as many octets as are known when this is compiled.
    #[inline]
    pub fn put_array<const N: usize>(&mut self, bytes: [u8; N]) -> Result<(), Full> {
        let place = self.buffer[..self.limit].get_mut(self.len..).and_then(<[u8]>::first_chunk_mut);
        *place.ok_or(Full)? = bytes;
        self.len += N;
        Ok(())
    }

    /// Appends two octets in network order.
    pub fn put_u16(&mut self, value: u16) -> Result<(), Full> {
        self.put_array(value.to_be_bytes())
    }

    /// Appends four octets in network order.
    pub fn put_u32(&mut self, value: u32) -> Result<(), Full> {
        self.put_array(value.to_be_bytes())
    }

    /// Overwrites octets written earlier; what does not lie within them stays as it is.
    pub fn patch<const N: usize>(&mut self, at: usize, bytes: [u8; N]) {
        let written = &mut self.buffer[..self.len];
        if let Some(place) = written.get_mut(at..).and_then(<[u8]>::first_chunk_mut) {
            *place = bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_passes_the_limit_and_a_refused_piece_leaves_no_trace() {
        let mut buffer = [0; 8];
        let mut writer = Writer::new(&mut buffer, 5);
        writer.put_u32(1).unwrap();
        assert_eq!(writer.put_u16(2), Err(Full));
        assert_eq!(writer.len(), 4);
        writer.reserve(1).unwrap();
        assert_eq!(writer.put(&[9]), Err(Full));
        writer.release(1);
        writer.put(&[9]).unwrap();
        writer.patch(3, [7, 7]);
        writer.patch(4, [8, 8]);
        assert_eq!(writer.written(), [0, 0, 0, 7, 7]);
    }
}
